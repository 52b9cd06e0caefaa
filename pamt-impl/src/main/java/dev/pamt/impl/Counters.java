package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * What happened so far. Only transitions count; the fast path touches nothing here.
 *
 * <p>Installed pairs are one atomic number, because their peak must be exact; the rest are striped sums. REMOVEs are what
 * has come in and is neither installed nor gone in another way, which saves a count on the way of every pair.
 */
final class Counters {
    final LongAdder adds = new LongAdder();
    final LongAdder addFailures = new LongAdder();
    final LongAdder removeFailures = new LongAdder();
    final LongAdder demotes = new LongAdder();
    final LongAdder promotes = new LongAdder();
    final LongAdder lostRaces = new LongAdder();
    final LongAdder busy = new LongAdder();
    final LongAdder busyAgain = new LongAdder();
    final LongAdder acquisitions = new LongAdder();
    final LongAdder contendedTrue = new LongAdder();
    final LongAdder contendedFalse = new LongAdder();
    final LongAdder waitNanos = new LongAdder();
    /** Pairs that were lost on their way in. */
    final LongAdder lostByAdds = new LongAdder();

    /** Pairs that were lost on their way out. */
    final LongAdder lostByRemoves = new LongAdder();

    final LongAdder cachedPairs = new LongAdder();

    private final AtomicLong installedPairs = new AtomicLong();
    private final AtomicLong peakPairs = new AtomicLong();

    void pairInstalled() {
        long now = installedPairs.incrementAndGet();
        long peak = peakPairs.get();
        while (now > peak && !peakPairs.compareAndSet(peak, now)) {
            peak = peakPairs.get();
        }
    }

    void pairTakenBack() {
        installedPairs.decrementAndGet();
    }

    long lostPairs() {
        return lostByAdds.sum() + lostByRemoves.sum();
    }

    long removes() {
        return adds.sum() + demotes.sum() - promotes.sum() - lostByRemoves.sum() - installedPairs();
    }

    long installedPairs() {
        return installedPairs.get();
    }

    long peakPairs() {
        return peakPairs.get();
    }
}
