package dev.pamt.impl.oom;

import static dev.pamt.seamcall.SeamcallLeaf.MEM_PAGE_DEMOTE;
import static dev.pamt.seamcall.SeamcallLeaf.MEM_PAGE_PROMOTE;
import static dev.pamt.seamcall.SeamcallLeaf.PHYMEM_PAMT_ADD;
import static dev.pamt.seamcall.SeamcallLeaf.PHYMEM_PAMT_REMOVE;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReentrantCallException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.impl.oom.ScriptedModule.Ending;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;

/** Some dozens of calls of one caller, always the same. */
enum Scenario {
    /** What a caller does all day. */
    CALLS,
    /** Caches, reservations, and what becomes of 2M pages. */
    SPLITS,
    /** A module that refuses, is busy, or does not answer. */
    MODULE,
    /** A host without memory. */
    HOST,
    /** Calls that are refused. */
    MISUSE,
    /** Threads that wait for each other. */
    CONTENTION,
    /** Attempts to close the manager, and one that succeeds while a region's pair does not come back. */
    CLOSING,
    /** A manager that has nothing to do. */
    STATIC;

    private static final long NO_REMOVE = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
    private static final long LONGER_THAN_PATIENCE_NANOS = 2_000_000;

    void run(Caller caller) {
        switch (this) {
            case CALLS -> calls(caller);
            case SPLITS -> splits(caller);
            case MODULE -> module(caller);
            case HOST -> host(caller);
            case MISUSE -> misuse(caller);
            case CONTENTION -> contention(caller);
            case CLOSING -> closing(caller);
            case STATIC -> withoutPairs(caller);
        }
    }

    /** What is done on a setup. */
    static Set<Scenario> of(Setup setup) {
        if (setup.sabotage() != Sabotage.NONE) {
            return EnumSet.of(CALLS);
        }
        return setup.memory() == Setup.Memory.STATIC ? EnumSet.of(STATIC) : EnumSet.complementOf(EnumSet.of(STATIC));
    }

    /** Whether all pairs come back when no error is thrown. */
    boolean losesNothing() {
        return this != MODULE && this != CLOSING;
    }

    /** What happens in front of the last close. */
    void prepareClose(Caller caller) {
        if (this == CLOSING) {
            leaveIdle(caller, 6);
            caller.module().next(PHYMEM_PAMT_REMOVE, Ending.unavailable());
        }
    }

    private static void calls(Caller caller) {
        caller.get(0, 1);
        caller.get(0, 3);
        caller.put(0, 2);
        caller.put(0, 1);
        caller.put(0, 1);
        caller.get(1, 512);
        caller.put(1, 512);
        for (int region = 0; region < 5; region++) {
            caller.get(region, 1);
        }
        for (int region = 0; region < 5; region++) {
            caller.put(region, 1);
        }
        caller.allocPage();
        caller.allocPage();
        caller.allocPage();
        caller.freePage();
        caller.freePage();
        caller.vcpu();
        caller.call("topUp", () -> caller.vcpu().topUp(3));
        caller.getFromCache(5, 1);
        caller.getFromCache(5, 2);
        caller.getFromCache(6, 1);
        caller.put(5, 3);
        caller.call("topUp of the VM's cache", () -> caller.vm().topUp(3));
        caller.closeCaches();
        caller.get(7, 1);
        caller.put(7, 1);
        caller.map2M(7);
        caller.unmap2M(7);
        caller.result("trim", caller.manager()::trim);
        caller.result("stats", caller.manager()::stats);
        caller.put(6, 1);
        caller.call("topUp", () -> caller.vcpu().topUp(PamtPageCache.FAULT_PAIRS));
    }

    private static void splits(Caller caller) {
        caller.map2M(0);
        caller.map2M(1);
        caller.call("topUp", () -> caller.vcpu().topUp(1));
        caller.call("topUp of the VM's cache", () -> caller.vm().topUp(3));
        withReservation(caller, 2, mine -> {
            caller.demote(0, mine);
            caller.getFromCache(2, 1);
            caller.get(3, 1, () -> caller.manager().get(Caller.hpa(3), mine));
        });
        withReservation(caller, 4, mine -> {
            caller.module().next(MEM_PAGE_DEMOTE, Ending.status(TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX)));
            caller.demote(1, mine);
            caller.module().forgetScript();
            caller.demote(1, mine);
        });
        caller.module().next(MEM_PAGE_PROMOTE, Ending.status(TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX)));
        caller.promote(0);
        caller.module().forgetScript();
        caller.promote(0);
        caller.promote(1);
        caller.unmap2M(1);
        caller.put(3, 1);
        caller.get(1, 1);
        // Left open until the end.
        PamtPageCache late = caller.result("reserve", () -> caller.vm().reserve(1));
        caller.closeCaches();
        if (late != null) {
            caller.call("close of a reservation", late::close);
        }
    }

    private static void withReservation(Caller caller, int pairs, Consumer<PamtPageCache> work) {
        PamtPageCache reservation = caller.result("reserve", () -> caller.vm().reserve(pairs));
        if (reservation != null) {
            work.accept(reservation);
            caller.call("close of a reservation", reservation::close);
        }
    }

    private static void module(Caller caller) {
        long busyRegion = TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        caller.module().next(PHYMEM_PAMT_ADD, Ending.status(busyRegion));
        caller.get(0, 1);
        caller.module().next(PHYMEM_PAMT_REMOVE, Ending.status(busyRegion));
        caller.put(0, 1);
        caller.result("trim", caller.manager()::trim);
        caller.module().next(PHYMEM_PAMT_ADD, Ending.status(busyRegion), Ending.status(busyRegion));
        getRefused(caller, 0);

        refusedRemove(caller, 1, Ending.status(NO_REMOVE));
        refusedRemove(caller, 2, Ending.status(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)));
        caller.get(3, 1);
        caller.put(3, 1);
        refusedRemove(caller, 1, Ending.notSent());
        refusedRemove(caller, 2, Ending.unavailable());
        refusedRemove(caller, 3, Ending.answerLost());
        refusedRemove(caller, 4, Ending.answered(TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX)));
        caller.get(2, 1);
        caller.get(3, 1);
        leaveIdle(caller, 5);
        caller.module().next(PHYMEM_PAMT_REMOVE, Ending.status(NO_REMOVE));
        caller.map2M(5, SeamcallFailedException.class);
        caller.module().forgetScript();
        caller.unmap2M(5);

        for (Ending ending : new Ending[] {
            Ending.status(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX)),
            Ending.status(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX)),
            Ending.status(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R8)),
            Ending.status(TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX)),
            Ending.notSent(),
            Ending.unavailable(),
            Ending.answerLost()
        }) {
            caller.module().next(PHYMEM_PAMT_ADD, ending);
            getRefused(caller, 6);
            // The first get afterwards settles what is unknown.
            caller.get(6, 1);
            caller.put(6, 1);
        }

        for (Ending ending : new Ending[] {Ending.notSent(), Ending.unavailable(), Ending.answerLost()}) {
            caller.map2M(7);
            withReservation(caller, 2, mine -> {
                caller.module().next(MEM_PAGE_DEMOTE, ending);
                caller.demote(7, mine, SeamcallUnavailableException.class);
                caller.module().forgetScript();
                caller.demote(7, mine);
            });
            caller.unmap2M(7);
            caller.fill(7);
            caller.module().next(MEM_PAGE_PROMOTE, ending);
            caller.promote(7, SeamcallUnavailableException.class);
            caller.module().forgetScript();
            caller.promote(7);
            caller.unmap2M(7);
        }
        caller.result("trim", caller.manager()::trim);
    }

    private static void host(Caller caller) {
        caller.bank().refuse(Integer.MAX_VALUE, Integer.MAX_VALUE);
        caller.get(0, 1, () -> caller.manager().get(Caller.hpa(0)), PamtException.class);
        caller.call("allocPage without memory", caller.manager()::allocPage, PamtException.class);
        caller.bank().refuse(0, Integer.MAX_VALUE);
        caller.get(1, 1, () -> caller.manager().get(Caller.hpa(1)), PamtException.class);
        caller.allocPage();
        caller.bank().refuse(0, 1);
        caller.get(2, 1);
        caller.call("topUp", () -> caller.vcpu().topUp(2));
        caller.bank().refuse(Integer.MAX_VALUE, Integer.MAX_VALUE);
        caller.call("topUp without memory", () -> caller.vcpu().topUp(1000), PamtException.class);
        caller.call("topUp of the VM's cache without memory", () -> caller.vm().topUp(1000), PamtException.class);
        caller.call("reserve without memory", () -> caller.vm().reserve(2000).close(), PamtException.class);
        caller.call("allocPage without memory", caller.manager()::allocPage, PamtException.class);
        caller.getFromCache(3, 1);
        caller.bank().refuse(0, 0);
        caller.freePage();
        caller.result("trim", caller.manager()::trim);
        caller.allocPage();
    }

    private static void misuse(Caller caller) {
        PamtManager manager = caller.manager();
        long hpa = Caller.hpa(0);
        Class<?> refused = PamtException.class;
        caller.call("put without a user", () -> manager.put(hpa), refused);
        caller.call("put of a region that was never used", () -> manager.put(0x1_2000_0000L), refused);
        caller.call("get of no page", () -> manager.get(hpa + 1), refused);
        caller.call("get of too many pages", () -> manager.get(hpa, 513), refused);
        caller.call("get of pages in two regions", () -> manager.get(hpa + PageAllocator.PAGE_BYTES, 512), refused);
        caller.call("get outside the memory", () -> manager.get(0x9000_0000L), refused);
        caller.call("put outside the memory", () -> manager.put(0x9000_0000L), refused);
        caller.call("get over the edge", () -> manager.get(Machine.EDGE_HPA, 2), refused);
        caller.call("get at the edge", () -> manager.get(Machine.EDGE_HPA));
        caller.call("get over the edge, backed", () -> manager.get(Machine.EDGE_HPA, 2), refused);
        caller.call("put over the edge", () -> manager.put(Machine.EDGE_HPA, 2), refused);
        caller.call("put at the edge", () -> manager.put(Machine.EDGE_HPA));
        caller.call("map2M at the edge", () -> manager.map2M(Machine.EDGE_HPA & -PageAllocator.CHUNK_BYTES), refused);
        caller.get(0, 512);
        caller.get(0, 1, () -> manager.get(hpa), refused);
        caller.get(0, 512, () -> manager.get(hpa, 512), refused);
        caller.put(0, 511);
        caller.call("put of more than there are", () -> manager.put(hpa, 2), refused);
        caller.call("map2M of a region in use", () -> manager.map2M(hpa), refused);
        caller.call("promote2M of a region with one user", () -> manager.promote2M(hpa, regs -> 0), refused);
        caller.map2M(1);
        caller.call("map2M twice", () -> manager.map2M(Caller.hpa(1)), refused);
        caller.get(1, 1, () -> manager.get(Caller.hpa(1)), refused);
        caller.call("put of a 2M page", () -> manager.put(Caller.hpa(1)), refused);
        caller.call("unmap2M of what is not mapped", () -> manager.unmap2M(Caller.hpa(2)), refused);
        caller.call("get of a donor", () -> manager.get(Machine.STOCK_HPA), refused);
        caller.call("put of a donor", () -> manager.put(Machine.STOCK_HPA), refused);
        caller.get(3, 1, () -> manager.get(Caller.hpa(3), caller.vcpu()), refused);
        caller.call("demote2M with nothing", () -> demoteWith(caller, caller.vcpu()), refused);
        caller.call("topUp of fewer than none", () -> caller.vcpu().topUp(-1), IllegalArgumentException.class);
        caller.call("reserve of none", () -> caller.vm().reserve(0), IllegalArgumentException.class);
        caller.call("get with no cache", () -> manager.get(hpa, null), RuntimeException.class);
        PamtPageCache closed = caller.result("newVcpuCache", manager::newVcpuCache);
        VmPageCache closedVm = caller.result("newVmCache", manager::newVmCache);
        if (closed != null && closedVm != null) {
            caller.call("close of a cache", closed::close);
            caller.call("close of a cache", closedVm::close);
            caller.call("topUp of a closed cache", () -> closed.topUp(1), refused);
            caller.call("topUp of a closed cache", () -> closedVm.topUp(1), refused);
            caller.call("reserve from a closed cache", () -> closedVm.reserve(1), refused);
            caller.get(3, 1, () -> manager.get(Caller.hpa(3), closed), refused);
        }
        caller.allocPage();
        long page = caller.somePage();
        caller.freePage();
        caller.call("freePage twice", () -> manager.freePage(page), refused);
        caller.call("freePage of no page", () -> manager.freePage(hpa + 1), refused);
        withReservation(
                caller,
                1,
                mine -> caller.call(
                        "demote2M",
                        () -> manager.demote2M(Caller.hpa(1), mine, regs -> {
                            caller.call(
                                    "get from inside a DEMOTE",
                                    () -> manager.get(Caller.hpa(4)),
                                    ReentrantCallException.class);
                            return TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX);
                        })));
        caller.call("a null call", () -> manager.demote2M(hpa, caller.vcpu(), null), RuntimeException.class);
    }

    private static void contention(Caller caller) {
        Thread me = Thread.currentThread();
        for (long linger : new long[] {0, LONGER_THAN_PATIENCE_NANOS}) {
            Hold hold = new Hold(linger, me);
            caller.module().next(PHYMEM_PAMT_ADD, hold);
            Deadline first = caller.beside(() -> caller.get(0, 1), 0);
            hold.awaitReached(first);
            Deadline second = caller.beside(() -> caller.get(0, 2), 0);
            hold.alsoFor(second.thread());
            caller.get(0, 1);
            caller.join(first, second);
            caller.put(0, 4);
            caller.result("trim", caller.manager()::trim);
        }

        // A last put, and gets of its region and of others beside it.
        caller.get(1, 1);
        Hold removing = new Hold(0, me);
        caller.module().next(PHYMEM_PAMT_REMOVE, removing);
        Deadline putting = caller.beside(
                () -> {
                    caller.put(1, 1);
                    caller.result("trim", caller.manager()::trim);
                },
                1);
        removing.awaitReached(putting);
        caller.get(1, 1, () -> caller.manager().get(Caller.hpa(1)));
        caller.join(putting);

        // Busy beside a call that is under way, and a third that comes while the gate is closed.
        caller.call("topUp", () -> caller.vcpu().topUp(1));
        Hold holding = new Hold(0, me);
        caller.module().next(PHYMEM_PAMT_ADD, holding);
        Deadline under = caller.beside(() -> caller.get(2, 1), 2);
        holding.awaitReached(under);
        caller.module().next(PHYMEM_PAMT_ADD, Ending.status(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX)));
        Deadline third = caller.beside(() -> caller.getFromCache(4, 1), 4);
        caller.get(3, 1);
        caller.join(under, third);
        caller.module().forgetScript();

        // A target's lock is held while another thread has that of its pair's region, which is higher.
        Hold donorHeld = new Hold(0, me);
        caller.module().next(PHYMEM_PAMT_ADD, donorHeld);
        boolean[] got = new boolean[1];
        Deadline donor = caller.beside(() -> got[0] = caller.call(
                "get where pairs come from", () -> caller.manager().get(Machine.STOCK_HPA), PamtException.class));
        donorHeld.awaitReached(donor);
        caller.get(Caller.LOW, 1);
        caller.join(donor);
        caller.module().forgetScript();
        if (got[0]) {
            caller.call("put where pairs come from", () -> caller.manager().put(Machine.STOCK_HPA));
        }

        // Two in want of a chunk at the same time, and a trim.
        Deadline topUp =
                caller.beside(() -> caller.call("topUp", () -> caller.vm().topUp(6)));
        caller.result("trim", caller.manager()::trim);
        caller.get(5, 1);
        caller.join(topUp);
        Deadline trim = caller.beside(() -> caller.result("trim", caller.manager()::trim));
        caller.put(5, 1);
        caller.put(3, 1);
        caller.join(trim);
    }

    private static void closing(Caller caller) {
        PamtManager manager = caller.manager();
        caller.get(0, 2);
        caller.map2M(1);
        caller.allocPage();
        caller.call("topUp", () -> caller.vcpu().topUp(1));
        caller.call("close of a manager in use", manager::close, PamtException.class);
        leaveIdle(caller, 2);
        caller.module().next(PHYMEM_PAMT_REMOVE, Ending.status(NO_REMOVE));
        caller.call("close while a REMOVE is refused", manager::close, PamtException.class);
        caller.module().forgetScript();

        // Others wait while it is undecided.
        leaveIdle(caller, 2);
        Hold removing = new Hold(0, Thread.currentThread());
        caller.module().next(PHYMEM_PAMT_REMOVE, removing);
        Deadline closer =
                caller.beside(() -> caller.call("close of a manager in use", manager::close, PamtException.class));
        removing.awaitReached(closer);
        Deadline topUp =
                caller.beside(() -> caller.call("topUp", () -> caller.vm().topUp(1)));
        caller.get(3, 1);
        caller.join(closer, topUp);
        caller.module().forgetScript();
        Deadline again =
                caller.beside(() -> caller.call("close of a manager in use", manager::close, PamtException.class));
        caller.get(4, 1);
        caller.put(4, 1);
        caller.allocPage();
        caller.freePage();
        caller.join(again);
    }

    private static void withoutPairs(Caller caller) {
        PamtManager manager = caller.manager();
        caller.call("get", () -> manager.get(Caller.hpa(0)));
        caller.call("put", () -> manager.put(Caller.hpa(0)));
        caller.call("map2M", () -> manager.map2M(Caller.hpa(0)));
        caller.call("get of no page", () -> manager.get(1), PamtException.class);
        caller.call("get outside the memory", () -> manager.get(0x9000_0000L), PamtException.class);
        caller.allocPage();
        caller.allocPage();
        long page = caller.somePage();
        caller.call("close of a manager in use", manager::close, PamtException.class);
        caller.freePage();
        caller.call("freePage twice", () -> manager.freePage(page), PamtException.class);
        caller.call("topUp", () -> caller.vcpu().topUp(2));
        caller.call("topUp of the VM's cache", () -> caller.vm().topUp(2));
        withReservation(caller, 2, mine -> caller.result("pairs", mine::pairs));
        caller.result("stats", manager::stats);
        caller.bank().refuse(Integer.MAX_VALUE, 0);
        caller.call("allocPage without memory", manager::allocPage, PamtException.class);
        caller.bank().refuse(0, 0);
        caller.allocPage();
    }

    /** Leaves a region idle whose REMOVE was refused. */
    private static void leaveIdle(Caller caller, int region) {
        caller.get(region, 1);
        caller.module().next(PHYMEM_PAMT_REMOVE, Ending.status(NO_REMOVE));
        caller.put(region, 1);
        caller.module().forgetScript();
    }

    private static void refusedRemove(Caller caller, int region, Ending ending) {
        caller.get(region, 1);
        caller.module().next(PHYMEM_PAMT_REMOVE, ending, ending);
        caller.put(region, 1);
        caller.result("trim", caller.manager()::trim);
        caller.module().forgetScript();
    }

    private static void getRefused(Caller caller, int region) {
        caller.get(
                region,
                1,
                () -> caller.manager().get(Caller.hpa(region)),
                PamtException.class,
                SeamcallUnavailableException.class);
        caller.module().forgetScript();
        caller.put(region, 1);
    }

    private static void demoteWith(Caller caller, PamtPageCache cache) {
        caller.manager().demote2M(Caller.hpa(1), cache, regs -> 0);
    }
}
