package dev.pamt.impl;

import dev.pamt.impl.StatsSnapshot.CallCounts;
import dev.pamt.impl.StatsSnapshot.LockCounts;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What happened so far. Only transitions count; the fast path touches nothing here. No count can fail: each is one or more
 * longs that exist from the start.
 *
 * <p>Pairs that go into the module and come out of it are two atomic numbers, from which the peak is taken. ADDs are pairs in
 * minus DEMOTEs; REMOVEs are pairs out minus PROMOTEs.
 */
final class Counters {
    final AtomicLong addFailures = new AtomicLong();
    final AtomicLong removeFailures = new AtomicLong();
    final AtomicLong demotes = new AtomicLong();
    final AtomicLong promotes = new AtomicLong();
    final AtomicLong lostRaces = new AtomicLong();
    final AtomicLong busy = new AtomicLong();
    final AtomicLong busyAgain = new AtomicLong();
    /** Locks that were taken for no call of the module; the others are as many as the calls. */
    final AtomicLong locksWithoutCall = new AtomicLong();

    final AtomicLong contendedTrue = new AtomicLong();
    final AtomicLong contendedFalse = new AtomicLong();
    final AtomicLong waitNanos = new AtomicLong();
    final StripedCount cachedPairs = new StripedCount();

    /** Transitions whose call has moved no pair. */
    private final AtomicLong callsWithoutPair = new AtomicLong();

    /** Pairs that were lost on their way in, and so were never counted as installed. */
    private final AtomicLong lostGoingIn = new AtomicLong();

    /** Pairs that were lost while they were installed. */
    private final AtomicLong lostInstalled = new AtomicLong();

    /** Pairs that were lost after the module had given a pair back. */
    private final AtomicLong lostComingOut = new AtomicLong();

    private final AtomicLong pairsIn = new AtomicLong();
    private final AtomicLong pairsOut = new AtomicLong();
    private final AtomicLong peakPairs = new AtomicLong();

    /** A call has ended, and the module has a pair more. */
    void pairWentIn() {
        pairsIn.getAndIncrement();
        long now = installedPairs();
        long peak = peakPairs.get();
        while (now > peak && !peakPairs.compareAndSet(peak, now)) {
            peak = peakPairs.get();
        }
    }

    /** A call has ended, and the module has a pair less. */
    void pairCameOut() {
        pairsOut.getAndIncrement();
    }

    /** A call has ended, and no pair has moved. */
    void callWithoutPairEnded() {
        callsWithoutPair.getAndIncrement();
    }

    void pairLostGoingIn() {
        lostGoingIn.getAndIncrement();
    }

    void pairsLostInstalled(long pairs) {
        lostInstalled.getAndAdd(pairs);
    }

    void pairLostComingOut() {
        lostComingOut.getAndIncrement();
    }

    /** Transitions that have called the module; a second try is not counted. */
    long calls() {
        return pairsIn.get() + pairsOut.get() + callsWithoutPair.get();
    }

    long adds() {
        return pairsIn.get() - demotes.get();
    }

    long removes() {
        return pairsOut.get() - promotes.get();
    }

    long lostPairs() {
        return lostGoingIn.get() + lostInstalled.get() + lostComingOut.get();
    }

    long installedPairs() {
        return pairsIn.get() - pairsOut.get() - lostInstalled.get();
    }

    long peakPairs() {
        return peakPairs.get();
    }

    /** The numbers of calls, for a snapshot. */
    CallCounts calls(long retryRegions) {
        return new CallCounts(
                adds(),
                addFailures.get(),
                removes(),
                removeFailures.get(),
                demotes.get(),
                promotes.get(),
                lostRaces.get(),
                busy.get(),
                busyAgain.get(),
                retryRegions);
    }

    /**
     * The numbers of locks, for a snapshot.
     *
     * @param times null if transitions are not timed
     */
    LockCounts locks(TransitionTimes times) {
        return new LockCounts(
                calls() + locksWithoutCall.get(),
                contendedTrue.get(),
                contendedFalse.get(),
                waitNanos.get(),
                times == null ? 0 : times.holdNanos(),
                times == null ? 0 : times.cpuNanos());
    }
}
