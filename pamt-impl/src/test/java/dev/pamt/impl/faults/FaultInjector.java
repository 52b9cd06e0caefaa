package dev.pamt.impl.faults;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.impl.faults.Fault.Way;
import dev.pamt.impl.faults.PairBooks.Pair;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * The module, with one fault at the k-th call that comes by; counts the calls of every site, and writes down those of the
 * module.
 */
final class FaultInjector implements SeamcallProvider {
    /** Looks like the address of a page in RAM, and belongs to no one. */
    static final long GARBAGE_HPA = 0x1_3BAD_D000L;

    private final SeamcallProvider module;
    private final Seamcalls seamcalls;
    private final Map<Site, Integer> seen = new EnumMap<>(Site.class);
    private final List<ModuleCall> calls = new ArrayList<>();
    private final List<String> violations = new ArrayList<>();
    private final PairBooks pairs = new PairBooks();
    private final Fault fault;
    private final int first;
    private Consumer<ModuleCall> watcher = call -> {};
    private boolean armed = true;
    private boolean interrupted;
    private int hits;
    private int hitsInStep;
    private Throwable thrown;

    /**
     * Makes a module that fails.
     *
     * @param fault what goes wrong, or null if nothing does
     * @param first the first call of its site that it hits, from 1
     */
    FaultInjector(SeamcallProvider module, Fault fault, int first) {
        this.module = module;
        this.seamcalls = new Seamcalls(module);
        this.fault = fault;
        this.first = first;
    }

    /** Shows each call of the module to another, before it is made. */
    void watchedBy(Consumer<ModuleCall> other) {
        watcher = other;
    }

    /** Forgets which calls have come by. */
    void countAnew() {
        seen.clear();
    }

    /** Lets nothing more go wrong. */
    void disarm() {
        armed = false;
    }

    /** Lets it go wrong, if it has not yet. */
    void armAgain() {
        armed = hits == 0;
    }

    Fault fault() {
        return fault;
    }

    /** How many calls of each site have come by. */
    Map<Site, Integer> calls() {
        Map<Site, Integer> calls = new EnumMap<>(seen);
        for (Site site : Site.values()) {
            calls.putIfAbsent(site, 0);
        }
        return calls;
    }

    boolean wasInterrupted() {
        return interrupted;
    }

    PairBooks pairs() {
        return pairs;
    }

    /** Begins a step of a scenario, for which calls and hits are noted anew. */
    void beginStep() {
        calls.clear();
        hitsInStep = 0;
        thrown = null;
    }

    /** The calls of the module in this step. */
    List<ModuleCall> callsInStep() {
        return calls;
    }

    boolean hasHitInStep() {
        return hitsInStep > 0;
    }

    /** What a callback has thrown in this step; null if none has. */
    Throwable thrownInStep() {
        return thrown;
    }

    int hits() {
        return hits;
    }

    /** Notes that the manager has broken a rule in a callback, where an exception might be swallowed. */
    void violation(String what) {
        violations.add(what);
    }

    List<String> violations() {
        return violations;
    }

    /** Notes that a call comes by, and says whether it is to be hit. */
    boolean hits(Site site) {
        int call = seen.merge(site, 1, Integer::sum);
        boolean hit = armed && fault != null && fault.site() == site && call >= first && call < first + fault.times();
        if (hit) {
            hits++;
            hitsInStep++;
        }
        return hit;
    }

    /** Throws if the call that comes by is to be hit before its work; says whether it is to be hit after that. */
    boolean throwsAfter(Site site) {
        if (!hits(site)) {
            return false;
        }
        if (fault.way() == Way.THROWS_BEFORE) {
            raise();
        }
        return fault.way() == Way.THROWS_AFTER;
    }

    void raise() {
        thrown = fault.thrown().make();
        Thrown.raise(thrown);
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        if (hits(Site.INTERRUPT)) {
            interrupted = true;
            Thread.currentThread().interrupt();
        }
        long regionHpa = regs.rcx & -PageAllocator.CHUNK_BYTES;
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            return make(
                    new ModuleCall(Site.ADD, regionHpa, regs.rdx, regs.r8), () -> module.seamcall(rax, regs), () -> {});
        }
        if (rax != SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) {
            throw new AssertionError("the manager calls nothing but ADD and REMOVE");
        }
        return make(new ModuleCall(Site.REMOVE, regionHpa), () -> module.seamcall(rax, regs), () -> {
            regs.rdx = GARBAGE_HPA;
            regs.r8 = GARBAGE_HPA;
        });
    }

    /** Stands for a DEMOTE: what it does to the region's entry is what ADD does. */
    long demote(long regionHpa, long page0Hpa, long page1Hpa) {
        return make(
                new ModuleCall(Site.DEMOTE, regionHpa, page0Hpa, page1Hpa),
                () -> seamcalls.pamtAdd(new SeamcallRegisters(), regionHpa, page0Hpa, page1Hpa),
                () -> {});
    }

    /** Stands for a PROMOTE: what it does to the region's entry is what REMOVE does. */
    long promote(long regionHpa, SeamcallRegisters regs) {
        SeamcallRegisters removed = new SeamcallRegisters();
        return make(
                new ModuleCall(Site.PROMOTE, regionHpa),
                () -> {
                    long status = seamcalls.pamtRemove(removed, regionHpa);
                    if (!TdxStatus.isError(status)) {
                        regs.r12 = removed.rdx;
                        regs.r13 = removed.r8;
                    }
                    return status;
                },
                () -> {
                    regs.r12 = GARBAGE_HPA;
                    regs.r13 = GARBAGE_HPA;
                });
    }

    private long make(ModuleCall call, LongSupplier work, Runnable garble) {
        calls.add(call);
        Pair pair =
                call.handsPairOver() ? new Pair(call.page0Hpa(), call.page1Hpa()) : pairs.installedIn(call.regionHpa());
        if (!call.isProbe()) {
            watcher.accept(call);
        }
        if ((call.site() == Site.ADD || call.site() == Site.REMOVE) && hits(Site.OUTAGE)) {
            return unanswered(call, pair);
        }
        if (call.isProbe()) {
            return call.answered(work.getAsLong());
        }
        if (!hits(call.site())) {
            return call.answered(carryOut(call, work));
        }
        switch (fault.way()) {
            case REFUSES -> {
                garble.run();
                return call.answered(fault.status());
            }
            case SENDS_AGAIN -> {
                carryOut(call, work);
                pairs.lose(pair);
                garble.run();
                return call.answered(fault.status());
            }
            case LIES -> {
                long status = carryOut(call, work);
                pairs.lose(pair);
                garble.run();
                return call.lied(status);
            }
            case THROWS_AFTER -> carryOut(call, work);
            case THROWS_BEFORE -> {}
        }
        return unanswered(call, pair);
    }

    private long unanswered(ModuleCall call, Pair pair) {
        if (fault.thrown() != Thrown.NOT_SENT && pair != null && !call.isProbe()) {
            pairs.lose(pair);
        }
        thrown = fault.thrown().make();
        call.threw(thrown);
        Thrown.raise(thrown);
        throw new AssertionError(thrown);
    }

    private long carryOut(ModuleCall call, LongSupplier work) {
        long status = work.getAsLong();
        if (!TdxStatus.isError(status)) {
            if (call.handsPairOver()) {
                pairs.installed(call.regionHpa(), new Pair(call.page0Hpa(), call.page1Hpa()));
            } else {
                pairs.removed(call.regionHpa());
            }
        }
        return status;
    }

    /** Whether something that was thrown says that the module has not seen the call. */
    static boolean wasNotSent(Throwable thrown) {
        return thrown instanceof SeamcallUnavailableException unavailable && !unavailable.mayHaveBeenMade();
    }
}
