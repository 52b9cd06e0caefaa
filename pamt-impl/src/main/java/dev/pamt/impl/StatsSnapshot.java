package dev.pamt.impl;

import dev.pamt.api.PamtStats;

/** The numbers of a manager at one time. */
record StatsSnapshot(CallCounts calls, LockCounts locks, PairCounts pairs, PageCounts pages) implements PamtStats {
    /** See {@link PamtStats.Calls}. */
    record CallCounts(
            long adds,
            long addFailures,
            long removes,
            long removeFailures,
            long demotes,
            long promotes,
            long lostRaces,
            long busy,
            long busyAgain,
            long retryRegions)
            implements Calls {
        static final CallCounts NONE = new CallCounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /** See {@link PamtStats.Locks}. */
    record LockCounts(
            long acquisitions, long contendedTrue, long contendedFalse, long waitNanos, long holdNanos, long cpuNanos)
            implements Locks {
        static final LockCounts NONE = new LockCounts(0, 0, 0, 0, 0, 0);
    }

    /** See {@link PamtStats.Pairs}. */
    record PairCounts(long installed, long peak, long spare, long cached, long setAside, long lost) implements Pairs {
        static final PairCounts NONE = new PairCounts(0, 0, 0, 0, 0, 0);
    }

    /** See {@link PamtStats.Pages}. */
    record PageCounts(long donorChunks, long allocated, long stranded) implements Pages {}
}
