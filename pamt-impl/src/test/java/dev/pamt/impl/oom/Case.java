package dev.pamt.impl.oom;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.impl.oom.ScriptedModule.Ending;
import dev.pamt.impl.oom.sites.Sites;
import dev.pamt.impl.oom.sites.Sites.Observer;
import dev.pamt.impl.oom.sites.Trap;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * One run of a scenario, with an error at one site or with none, and what has to hold afterwards: no lock is held, the gate
 * of the module is even, no user is left over, the manager can be closed, every page is back or counted, and the module
 * has no pair that is not counted.
 */
final class Case {
    private static final long CALL_MILLIS = 5_000;
    private static final long BUSY_MILLIS = 5_000;
    /** Waiting for a module that never becomes empty takes longer than this, and a call that is alone at once does not. */
    private static final long EVEN_NANOS = 8_000_000;

    private static final int BUSY_CALLS = 4;
    private static final long PAGES_PER_CHUNK = PageAllocator.CHUNK_BYTES / PageAllocator.PAGE_BYTES;

    private final Setup setup;
    private final Scenario scenario;
    private final Findings findings;
    private final Machine machine;
    /** After this time a call is taken to wait for a lock that is not left any more. */
    private final long patienceMillis;

    /** Prepares a run. */
    Case(Setup setup, Scenario scenario, Findings findings) {
        this.patienceMillis = setup.sabotage() == Sabotage.NONE ? CALL_MILLIS : CALL_MILLIS / 5;
        this.setup = setup;
        this.scenario = scenario;
        this.findings = findings;
        this.machine = new Machine(setup, findings);
    }

    /** Runs the scenario with an observer at the sites, which is taken away before anything is checked. */
    void run(Observer observer) {
        Trap trap = observer instanceof Trap set ? set : null;
        Caller caller = new Caller(machine, trap, findings);
        Sites.observe(observer);
        try {
            if (within(2 * patienceMillis, caller::doing, () -> play(caller))
                    && caller.manager() != null
                    && checkThenClose(caller, trap)) {
                checkClosed(caller.manager());
                machine.close();
            }
        } finally {
            Sites.observe(null);
        }
    }

    private void play(Caller caller) {
        if (caller.build() != null) {
            scenario.run(caller);
            caller.giveEverythingBack();
            scenario.prepareClose(caller);
        }
    }

    /** Whether the manager is closed in the end. */
    private boolean checkThenClose(Caller caller, Trap trap) {
        boolean before = trap != null && trap.hasThrown();
        if (before && !checkOpen(caller)) {
            return false;
        }
        scenario.prepareClose(caller);
        if (closes(caller, before ? null : trap)) {
            return true;
        }
        // The error was thrown by the close.
        return (before || checkOpen(caller)) && closes(caller, null);
    }

    private boolean closes(Caller caller, Trap trap) {
        boolean[] closed = new boolean[1];
        boolean inTime = within(patienceMillis, () -> "close", () -> {
            try {
                caller.manager().close();
                closed[0] = true;
            } catch (RuntimeException | Error failed) {
                // Where the error was thrown inside, a region may have stayed as it was; it is for the next close.
                if (trap == null || !trap.hasThrown()) {
                    findings.add(Category.CLOSE_REFUSED, "%s", failed);
                }
            }
        });
        return inTime && closed[0];
    }

    /** Checks a manager that is not in use and that is not closed; false if there is no point in going on. */
    private boolean checkOpen(Caller caller) {
        Sites.observe(null);
        machine.module().forgetScript();
        PamtManager manager = caller.manager();
        if (isClosed(manager)) {
            return true;
        }
        boolean free = within(patienceMillis, () -> "get and put by another thread", () -> {
            for (int region = 0; region < Caller.REGIONS; region++) {
                getAndPut(manager, Caller.hpa(region));
            }
            for (int chunk = 0; chunk <= Machine.STOCK_CHUNKS; chunk++) {
                touch(manager, Machine.STOCK_HPA + chunk * PageAllocator.CHUNK_BYTES);
            }
            getAndPut(manager, Machine.EDGE_HPA);
        });
        return free && checkGate(manager) && checkAtRest(caller);
    }

    private boolean isClosed(PamtManager manager) {
        try {
            manager.newVcpuCache().close();
            return false;
        } catch (ManagerClosedException closed) {
            return true;
        }
    }

    private void getAndPut(PamtManager manager, long hpa) {
        try {
            manager.get(hpa);
            manager.put(hpa);
        } catch (PamtException refused) {
            findings.add(Category.BOOKS, "get or put of a free region: %s", refused);
        }
    }

    /** Takes the lock of a region that may be a donor. */
    private static void touch(PamtManager manager, long hpa) {
        try {
            manager.map2M(hpa);
            manager.unmap2M(hpa);
        } catch (PamtException donor) {
            // A donor refuses it under its lock, and that is all that matters here.
            return;
        }
    }

    private boolean checkGate(PamtManager manager) {
        if (setup.memory() == Setup.Memory.STATIC) {
            return true;
        }
        long[] fastest = {Long.MAX_VALUE};
        boolean ended = within(Category.GATE_UNEVEN, BUSY_MILLIS, () -> "a busy get", () -> {
            for (int i = 0; i < BUSY_CALLS; i++) {
                manager.trim();
                machine.module()
                        .next(SeamcallLeaf.PHYMEM_PAMT_ADD, Ending.status(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)));
                long start = System.nanoTime();
                manager.get(Caller.hpa(i));
                fastest[0] = Math.min(fastest[0], System.nanoTime() - start);
                manager.put(Caller.hpa(i));
            }
        });
        if (ended && fastest[0] > EVEN_NANOS && fastest[0] < Long.MAX_VALUE) {
            findings.add(Category.GATE_UNEVEN, "the fastest of %d busy calls takes %d ns", BUSY_CALLS, fastest[0]);
        }
        return ended;
    }

    private boolean checkAtRest(Caller caller) {
        PamtManager manager = caller.manager();
        if (!within(patienceMillis, () -> "trim", manager::trim)) {
            return false;
        }
        for (int region = 0; region < Caller.REGIONS; region++) {
            RegionState state = manager.state(Caller.hpa(region));
            if (state.kind() != Kind.EMPTY && state.kind() != Kind.STATIC) {
                findings.add(Category.BOOKS, "region %d is %s after a trim", region, state);
            }
        }
        checkPages(manager.stats());
        return true;
    }

    private void checkClosed(PamtManager manager) {
        Sites.observe(null);
        PamtStats stats = manager.stats();
        checkPages(stats);
        long inUse = stats.pairs().installed()
                + stats.pairs().cached()
                + stats.pairs().setAside()
                + stats.pages().allocated();
        if (inUse != 0) {
            findings.add(Category.PAGES_UNSEEN, "in use after close: %s", text(stats));
        }
        if (stats.pages().donorChunks() > stats.pairs().lost()) {
            findings.add(Category.PAGES_UNSEEN, "chunks are out after close without a lost pair: %s", text(stats));
        }
    }

    /** Every page that is out is in the statistics, and every pair of the module. */
    private void checkPages(PamtStats stats) {
        Bank bank = machine.bank();
        long pairs = stats.pairs().spare()
                + stats.pairs().cached()
                + stats.pairs().installed()
                + stats.pairs().lost()
                + stats.pairs().setAside();
        long seen = 2 * pairs + stats.pages().allocated() + stats.pages().stranded();
        if (bank.out() != seen) {
            findings.add(
                    Category.PAGES_UNSEEN,
                    "%d pages are out (%s), %d are seen: %s",
                    bank.out(),
                    bank.outText(),
                    seen,
                    text(stats));
        }
        long chunksNotDonors = bank.chunksOut() - stats.pages().donorChunks();
        if (chunksNotDonors < 0
                || chunksNotDonors * PAGES_PER_CHUNK > stats.pages().stranded()) {
            findings.add(Category.PAGES_UNSEEN, "%d chunks are out: %s", bank.chunksOut(), text(stats));
        }
        if (machine.missingAtHost() != 0) {
            findings.add(Category.PAGES_UNSEEN, "the host's allocator misses %d pages", machine.missingAtHost());
        }
        if (scenario.losesNothing() && stats.pairs().lost() + stats.pairs().setAside() > 1) {
            findings.add(Category.PAGES_LOST, "%s", text(stats));
        }
        if (stats.pages().stranded() > PAGES_PER_CHUNK) {
            findings.add(Category.PAGES_LOST, "%s", text(stats));
        }
        if (stats.pairs().installed() < 0
                || stats.pairs().cached() < 0
                || stats.pairs().spare() < 0) {
            findings.add(Category.PAGES_UNSEEN, "fewer than none: %s", text(stats));
        }
        checkModule(stats);
    }

    private void checkModule(PamtStats stats) {
        long backed = 0;
        for (int region = 0; region < Caller.REGIONS; region++) {
            if (setup.memory() != Setup.Memory.STATIC && machine.isBacked(Caller.hpa(region))) {
                backed++;
            }
        }
        if (backed > stats.pairs().installed() + stats.pairs().lost()) {
            findings.add(Category.MODULE, "%d regions have a pair in the module: %s", backed, text(stats));
        }
        if (machine.module().pairs() > stats.pairs().installed() + stats.pairs().lost()) {
            findings.add(
                    Category.MODULE,
                    "the module has %d pairs: %s",
                    machine.module().pairs(),
                    text(stats));
        }
    }

    private static String text(PamtStats stats) {
        return String.format(
                Locale.ROOT,
                "pairs: %d spare, %d cached, %d installed, %d lost, %d set aside; %d chunks; pages: %d allocated, %d stranded",
                stats.pairs().spare(),
                stats.pairs().cached(),
                stats.pairs().installed(),
                stats.pairs().lost(),
                stats.pairs().setAside(),
                stats.pages().donorChunks(),
                stats.pages().allocated(),
                stats.pages().stranded());
    }

    private boolean within(long millis, Supplier<String> doing, Runnable work) {
        return within(Category.LOCK_HELD, millis, doing, work);
    }

    /** Whether some work ends in time; what it throws is unexpected. */
    private boolean within(Category late, long millis, Supplier<String> doing, Runnable work) {
        Deadline deadline = Deadline.start("case", () -> {
            try {
                work.run();
            } catch (RuntimeException | Error failed) {
                findings.add(Category.UNEXPECTED, "%s: %s", doing.get(), failed);
            }
        });
        boolean ended = deadline.isMet(millis, TimeUnit.MILLISECONDS);
        if (!ended) {
            findings.add(late, "%s does not end: %s", doing.get(), deadline.where());
        }
        return ended;
    }
}
