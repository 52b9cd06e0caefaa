package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What happened so far. Only transitions count; the fast path touches nothing here.
 *
 * <p>Pairs that go into the module and come out of it are two atomic numbers, from which the peak is taken; ADDs and REMOVEs
 * are what of them did not go another way. The rest are striped sums.
 */
final class Counters {
    final LongAdder addFailures = new LongAdder();
    final LongAdder removeFailures = new LongAdder();
    final LongAdder demotes = new LongAdder();
    final LongAdder promotes = new LongAdder();
    final LongAdder lostRaces = new LongAdder();
    final LongAdder busy = new LongAdder();
    final LongAdder busyAgain = new LongAdder();
    /** Locks that were taken for no call of the module; the others are as many as the calls. */
    final LongAdder locksWithoutCall = new LongAdder();

    final LongAdder contendedTrue = new LongAdder();
    final LongAdder contendedFalse = new LongAdder();
    final LongAdder waitNanos = new LongAdder();
    final LongAdder cachedPairs = new LongAdder();

    /** Calls of the module that moved no pair. */
    private final LongAdder callsWithoutPair = new LongAdder();

    /** Pairs that were lost on their way in. */
    final LongAdder lostByAdds = new LongAdder();

    /** Pairs that were lost on their way out. */
    final LongAdder lostByRemoves = new LongAdder();

    private final AtomicLong pairsIn = new AtomicLong();
    private final AtomicLong pairsOut = new AtomicLong();
    private final AtomicLong peakPairs = new AtomicLong();

    /** A call has ended, and the module has a pair more. */
    void pairWentIn() {
        long now = pairsIn.incrementAndGet() - pairsOut.get() - lostByRemoves.sum();
        long peak = peakPairs.get();
        while (now > peak && !peakPairs.compareAndSet(peak, now)) {
            peak = peakPairs.get();
        }
    }

    /** A call has ended, and the module has a pair less. */
    void pairCameOut() {
        pairsOut.incrementAndGet();
    }

    /** A call has ended, and no pair has moved. */
    void callWithoutPairEnded() {
        callsWithoutPair.increment();
    }

    /** Calls of the module that have ended; never more than have begun. */
    long callsEnded() {
        return pairsIn.get() + pairsOut.get() + callsWithoutPair.sum();
    }

    long adds() {
        return pairsIn.get() - demotes.sum();
    }

    long removes() {
        return pairsOut.get() - promotes.sum();
    }

    long lostPairs() {
        return lostByAdds.sum() + lostByRemoves.sum();
    }

    long installedPairs() {
        return pairsIn.get() - pairsOut.get() - lostByRemoves.sum();
    }

    long peakPairs() {
        return peakPairs.get();
    }
}
