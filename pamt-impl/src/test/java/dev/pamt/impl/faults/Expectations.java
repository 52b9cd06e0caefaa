package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.RegionUnknownException;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.impl.faults.Fault.Way;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongToIntFunction;
import java.util.stream.IntStream;

/**
 * What the manager's contract says of a step: which calls of the module it makes, how it ends, and what it leaves behind. It
 * follows the calls that were made, one after another; each must be the one that is due after the answer to the one before.
 */
final class Expectations {
    /** Pairs that a get tries before it gives up. */
    private static final int PAIRS_TRIED = 8;

    private final FaultInjector faults;
    private final ReclaimPolicy policy;
    private final LongToIntFunction regionAt;
    private final Kind[] kinds;
    private final int[] users;
    /** Regions whose REMOVE has failed, or of which no one knows, since they were in use last. */
    private final Set<Integer> toRetry = new LinkedHashSet<>();
    /** Regions that were in use after their REMOVE had failed: whether they are still on the manager's list is its affair. */
    private final Set<Integer> mayBeRetried = new LinkedHashSet<>();

    private long lostPairs;
    private long strandedPages;
    private long setAsidePairs;
    private long adds;
    /** REMOVEs that have taken a pair out. */
    private long removes;

    private long demotes;
    private long promotes;
    private long busy;
    private long busyAgain;
    private int refusals;

    private boolean mayProbe;
    private boolean mustProbe;
    private boolean lockHasFailed;
    private boolean closed;

    private Step step;
    private Throwable thrown;
    private int next;
    private boolean lockFails;
    private Throwable outOfReach;
    /** Whether a probe of this step got no answer, so that a region without users may stay as it is. */
    private boolean hasMissed;

    private int takenBack;
    private int pairsUsed;

    Expectations(int regions, FaultInjector faults, ReclaimPolicy policy, LongToIntFunction regionAt) {
        this.faults = faults;
        this.policy = policy;
        this.regionAt = regionAt;
        this.kinds = new Kind[regions];
        this.users = new int[regions];
        Arrays.fill(kinds, Kind.EMPTY);
    }

    RegionState state(int region) {
        return new RegionState(kinds[region], users[region]);
    }

    Kind kind(int region) {
        return kinds[region];
    }

    int users(int region) {
        return users[region];
    }

    int refusals() {
        return refusals;
    }

    /** Pairs that the last step has taken from its cache and not brought back. */
    int pairsUsed() {
        return pairsUsed;
    }

    /** A pair could not be scrubbed. */
    void pairIsLost() {
        lostPairs++;
    }

    /** Pages could not be given back. */
    void pagesAreStranded(int pages) {
        strandedPages += pages;
    }

    /**
     * Judges a step.
     *
     * @param region the region that it is about, if it is about one
     * @param pages how many users it brings or takes
     * @param pairsInHand how many pairs it can try
     * @param result what it has returned
     * @param end what it has thrown, or null
     */
    void judge(Step made, int region, int pages, int pairsInHand, long result, Throwable end) {
        step = made;
        thrown = end;
        next = 0;
        outOfReach = null;
        hasMissed = false;
        takenBack = 0;
        pairsUsed = 0;
        Fault fault = faults.fault();
        lockFails = faults.hasHitInStep() && fault.site().takesLock();
        lockHasFailed |= lockFails;
        assertTrue(end == null || !made.neverThrows(), () -> made + " threw " + end);
        if (endedEarly()) {
            refusals++;
        } else {
            switch (made) {
                case GET, ALLOC_PAGE -> get(region, pages, pairsInHand);
                case PUT, FREE_PAGE -> put(region, pages);
                case MAP -> map(region);
                case UNMAP -> unmap(region);
                case DEMOTE -> demote(region, result);
                case PROMOTE -> promote(region, result);
                case TRIM -> trim(result);
                case FILL_CACHE, CLOSE_CACHE -> returns();
                case CLOSE -> close();
            }
        }
        assertNull(peek(), () -> made + " made more calls than are due");
    }

    /** Whether the step was refused before it came to the module, for the reason that the fault is. */
    private boolean endedEarly() {
        if (thrown == null || !faults.hasHitInStep() || step == Step.CLOSE) {
            return false;
        }
        Site site = faults.fault().site();
        if (site == Site.PAGE_ALLOCATION && faults.fault().way() == Way.REFUSES) {
            return thrown instanceof OutOfPagesException;
        }
        return (site.takesLock() || site.allocates()) && isOrHasCause(thrown, faults.thrownInStep());
    }

    private static boolean isOrHasCause(Throwable thrown, Throwable cause) {
        return cause != null && (thrown == cause || thrown.getCause() == cause);
    }

    private void get(int region, int pages, int pairsInHand) {
        if (kinds[region] == Kind.UNKNOWN && !settle(region)) {
            return;
        }
        if (kinds[region] == Kind.EMPTY && !add(region, Math.min(pairsInHand, PAIRS_TRIED))) {
            return;
        }
        returns();
        kinds[region] = Kind.BACKED;
        users[region] += pages;
        if (toRetry.remove(region)) {
            mayBeRetried.add(region);
        }
    }

    private boolean add(int region, int pairs) {
        for (int pair = 1; ; pair++) {
            skipProbes();
            if (outOfReach != null) {
                refuses(outOfReach);
                return false;
            }
            assertTrue(!mustProbe, "a pair was drawn for a module that may still be out of reach");
            ModuleCall add = nextCall(Site.ADD, region);
            if (add.thrown() != null) {
                unanswered(region, add);
                pairsUsed++;
                return false;
            }
            if (!TdxStatus.isError(add.status())) {
                adds++;
                pairsUsed++;
                return true;
            }
            if (!Fault.blamesPair(Site.ADD, add.status())) {
                refuses(
                        TdxStatus.HPA_RANGE_NOT_FREE.matches(add.status())
                                ? ForeignPagePairException.class
                                : SeamcallFailedException.class);
                return false;
            }
            setAsidePairs++;
            pairsUsed++;
            if (pair == pairs) {
                refuses(SeamcallFailedException.class);
                return false;
            }
        }
    }

    private void put(int region, int pages) {
        returns();
        users[region] -= pages;
        if (users[region] > 0) {
            return;
        }
        kinds[region] = Kind.IDLE;
        List<Integer> due = toRetry.stream()
                .filter(other -> other != region && isToBeRemoved(other))
                .limit(mayWait() ? kinds.length : 1)
                .toList();
        if (policy.idleRegions() == 0) {
            reclaim(region);
        } else {
            // Which of the idle regions has waited longest is the manager's affair.
            for (int times = lockHasFailed || mayWait() ? 2 : 1; times > 0 && removesIdleBut(due); times--) {
                reclaim(regionAt.applyAsInt(peek().regionHpa()));
            }
        }
        for (int other : due) {
            skipProbes();
            if (!mayWait() || removes(other)) {
                reclaim(other);
            }
        }
        skipProbes();
        if (peek() != null && mayBeRetried.contains(regionAt.applyAsInt(peek().regionHpa())) && removesIdleBut(due)) {
            reclaim(regionAt.applyAsInt(peek().regionHpa()));
        }
    }

    /** Whether REMOVEs have failed more than once, so that the next try may be due later. */
    private boolean mayWait() {
        return faults.fault() != null && faults.fault().site() == Site.OUTAGE;
    }

    private boolean removes(int region) {
        return peek() != null && peek().site() == Site.REMOVE && regionAt.applyAsInt(peek().regionHpa()) == region;
    }

    private boolean removesIdleBut(List<Integer> due) {
        skipProbes();
        if (peek() == null || peek().site() != Site.REMOVE) {
            return false;
        }
        int region = regionAt.applyAsInt(peek().regionHpa());
        return kinds[region] == Kind.IDLE && !due.contains(region);
    }

    private void map(int region) {
        if (isToBeRemoved(region) && !settle(region)) {
            return;
        }
        returns();
        kinds[region] = Kind.HUGE;
    }

    private void unmap(int region) {
        returns();
        kinds[region] = Kind.EMPTY;
    }

    private void demote(int region, long result) {
        ModuleCall demote = nextCall(Site.DEMOTE, region);
        if (demote.thrown() != null) {
            unanswered(region, demote);
            return;
        }
        answers(demote, result);
        if (!TdxStatus.isError(demote.status())) {
            demotes++;
            kinds[region] = Kind.BACKED;
            users[region] = 512;
        } else if (Fault.blamesPair(Site.DEMOTE, demote.status())) {
            setAsidePairs++;
        }
    }

    private void promote(int region, long result) {
        ModuleCall promote = nextCall(Site.PROMOTE, region);
        if (promote.thrown() != null) {
            unanswered(region, promote);
            return;
        }
        answers(promote, result);
        if (!TdxStatus.isError(promote.status())) {
            promotes++;
            kinds[region] = Kind.HUGE;
            users[region] = 0;
            lostPairs += promote.isLie() ? 1 : 0;
        }
    }

    private void answers(ModuleCall call, long result) {
        assertNull(thrown, () -> step + " threw " + thrown);
        assertEquals(TdxStatus.toString(call.status()), TdxStatus.toString(result));
        refusals += TdxStatus.isError(result) ? 1 : 0;
    }

    private void trim(long result) {
        returns();
        boolean allKnown = Arrays.stream(kinds).noneMatch(Kind.UNKNOWN::equals);
        reclaimAll();
        assertTrue(!allKnown || result == takenBack, () -> "trim says " + result + " pairs, not " + takenBack);
        setAsidePairs = 0;
    }

    private void close() {
        List<Leftover> refused = reclaimAll();
        if (thrown instanceof RegionsInUseException inUse && lockFails) {
            assertTrue(!inUse.leftovers().isEmpty());
            refusals++;
        } else if (!refused.isEmpty()) {
            refuses(RegionsInUseException.class);
            assertEquals(refused, ((RegionsInUseException) thrown).leftovers());
        } else {
            returns();
            closed = true;
            setAsidePairs = 0;
            for (int region = 0; region < kinds.length; region++) {
                // Out of reach, and there will be no later call.
                lostPairs += kinds[region] == Kind.IDLE ? 1 : 0;
                kinds[region] = kinds[region] == Kind.IDLE ? Kind.UNKNOWN : kinds[region];
            }
        }
    }

    /** Each region without users loses its pair, in some order; returns those for which the module has refused that. */
    private List<Leftover> reclaimAll() {
        List<Leftover> refused = new ArrayList<>();
        Set<Integer> open = new LinkedHashSet<>(IntStream.range(0, kinds.length)
                .filter(this::isToBeRemoved)
                .boxed()
                .toList());
        skipProbes();
        while (peek() != null && open.remove(regionAt.applyAsInt(peek().regionHpa()))) {
            ModuleCall remove = peek();
            int region = regionAt.applyAsInt(remove.regionHpa());
            ModuleCall last = reclaim(region);
            if (last.thrown() == null && isToBeRemoved(region)) {
                refused.add(new Leftover(remove.regionHpa(), state(region)));
            }
            skipProbes();
        }
        open.forEach(this::reclaim);
        return refused;
    }

    /** A pair has to go before the step can go on; whether it has gone. */
    private boolean settle(int region) {
        boolean known = kinds[region] == Kind.IDLE;
        ModuleCall remove = reclaim(region);
        if (remove == null || remove.thrown() != null) {
            refuses(remove == null ? outOfReach : remove.thrown());
            return false;
        }
        if (isToBeRemoved(region)) {
            refuses(known ? SeamcallFailedException.class : RegionUnknownException.class);
            return false;
        }
        return true;
    }

    private boolean isToBeRemoved(int region) {
        return kinds[region] == Kind.IDLE || kinds[region] == Kind.UNKNOWN;
    }

    /** A region without users loses its pair. Returns the last call; null if its lock could not be taken. */
    private ModuleCall reclaim(int region) {
        skipProbes();
        if (!removes(region) && (lockFails || mustProbe || hasMissed)) {
            lockFails = false;
            // A map2M that is refused leaves an idle region where it has waited before.
            if (step != Step.MAP) {
                toRetry.add(region);
            }
            return null;
        }
        assertTrue(
                !mustProbe || kinds[region] == Kind.UNKNOWN || step == Step.CLOSE,
                "a pair was asked of a module that may still be out of reach");
        ModuleCall remove = nextCall(Site.REMOVE, region);
        boolean known = kinds[region] == Kind.IDLE;
        if (remove.thrown() != null) {
            toRetry.add(region);
            if (!FaultInjector.wasNotSent(remove.thrown())) {
                lostPairs += known ? 1 : 0;
                kinds[region] = Kind.UNKNOWN;
            }
            return remove;
        }
        boolean gone = !TdxStatus.isError(remove.status());
        // One that settles a region takes no pair out that is known to be installed.
        removes += gone && known ? 1 : 0;
        if (gone || TdxStatus.NO_PAMT_PAGE_PAIR.matches(remove.status())) {
            boolean back = gone && !remove.isLie() && known;
            takenBack += back ? 1 : 0;
            lostPairs += known && !back ? 1 : 0;
            kinds[region] = Kind.EMPTY;
            toRetry.remove(region);
            mayBeRetried.remove(region);
        } else {
            toRetry.add(region);
        }
        return remove;
    }

    /** An ADD, DEMOTE or PROMOTE that got no answer: what it threw reaches the caller. */
    private void unanswered(int region, ModuleCall call) {
        refuses(call.thrown());
        if (!FaultInjector.wasNotSent(call.thrown())) {
            kinds[region] = Kind.UNKNOWN;
            users[region] = 0;
            lostPairs++;
            toRetry.add(region);
        } else if (call.site() == Site.ADD) {
            pairsUsed--;
        }
    }

    private void refuses(Throwable with) {
        refusals++;
        assertTrue(isOrHasCause(thrown, with), () -> step + " ended with " + thrown + ", not with " + with);
    }

    private void refuses(Class<? extends Throwable> with) {
        refusals++;
        assertEquals(with, thrown == null ? null : thrown.getClass(), () -> step + " ended with " + thrown);
    }

    private void returns() {
        assertNull(thrown, () -> step + " threw " + thrown);
    }

    private ModuleCall peek() {
        List<ModuleCall> calls = faults.callsInStep();
        return next < calls.size() ? calls.get(next) : null;
    }

    /** A module that has not answered may be asked whether it is back. */
    private void skipProbes() {
        while (peek() != null && peek().isProbe()) {
            ModuleCall probe = peek();
            assertTrue(mayProbe, "a probe of a module of which one has been answered");
            outOfReach = probe.thrown();
            hasMissed |= outOfReach != null;
            if (outOfReach == null) {
                mayProbe = false;
                mustProbe = false;
            }
            next++;
        }
    }

    /** The call that is due, or its second try if the module was busy. */
    private ModuleCall nextCall(Site site, int region) {
        ModuleCall call = nextTry(site, region);
        if (call.thrown() == null && Fault.isTriedTwice(call.status())) {
            busy++;
            ModuleCall again = nextTry(site, region);
            assertEquals(call.page0Hpa(), again.page0Hpa(), "the second try is one with the same pair");
            assertEquals(call.page1Hpa(), again.page1Hpa(), "the second try is one with the same pair");
            call = again;
            busyAgain += call.thrown() == null && Fault.isTriedTwice(call.status()) ? 1 : 0;
        }
        mayProbe |= call.thrown() != null;
        mustProbe = call.thrown() instanceof SeamcallUnavailableException && (site == Site.ADD || site == Site.REMOVE);
        return call;
    }

    private ModuleCall nextTry(Site site, int region) {
        ModuleCall call = peek();
        if (call == null || call.site() != site || regionAt.applyAsInt(call.regionHpa()) != region) {
            fail(step + " has to go on with " + site + " of region " + region + ", not with "
                    + (call == null ? "nothing" : call)
                    + (thrown == null ? "" : ", and threw " + thrown));
        }
        next++;
        return call;
    }

    /** Compares the manager's statistics with what has happened. */
    void compare(PamtStats stats) {
        assertEquals(lostPairs, stats.pairs().lost(), "pairs that are lost");
        assertEquals(strandedPages, stats.pages().stranded(), "pages that are stranded");
        assertEquals(setAsidePairs, stats.pairs().setAside(), "pairs that are set aside");
        long backed = Arrays.stream(kinds)
                .filter(kind -> kind == Kind.BACKED || kind == Kind.IDLE)
                .count();
        assertEquals(backed, stats.pairs().installed(), "pairs that are installed");
        long idle = IntStream.range(0, kinds.length).filter(this::isToBeRemoved).count();
        assertTrue(
                closed || idle <= policy.idleRegions() + stats.calls().retryRegions(),
                () -> idle + " regions are idle, " + stats.calls().retryRegions() + " wait for another REMOVE");
        assertTrue(
                closed
                        || toRetry.stream().filter(this::isToBeRemoved).count()
                                <= stats.calls().retryRegions(),
                () -> stats.calls().retryRegions() + " regions wait for another REMOVE, not " + toRetry);
        assertEquals(adds, stats.calls().adds(), "ADDs");
        assertEquals(removes, stats.calls().removes(), "REMOVEs");
        assertEquals(demotes, stats.calls().demotes(), "DEMOTEs");
        assertEquals(promotes, stats.calls().promotes(), "PROMOTEs");
        assertEquals(busy, stats.calls().busy(), "busy calls");
        assertEquals(busyAgain, stats.calls().busyAgain(), "calls that were busy twice");
    }
}
