package dev.pamt.races.exhibits;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * The per-VM cache of the huge page series: a splitter checks and tops up first, and consumes later under its lock.
 *
 * <p>Made for the write side of mmu_lock, which no two splitters hold at once. Among concurrent splitters only a check
 * under the lock under which pairs are consumed is worth anything.
 */
public final class SharedSplitCache {
    private final Object lock = new Object();
    private final AtomicInteger pairs = new AtomicInteger();

    /** Enqueues pairs until there are that many. */
    public void topUp(int wanted) {
        while (pairs.get() < wanted) {
            synchronized (lock) {
                pairs.incrementAndGet();
            }
        }
    }

    /** Consumes pairs that the caller has topped up; says whether they were there. */
    public boolean consume(int wanted) {
        synchronized (lock) {
            if (pairs.get() < wanted) {
                return false;
            }
            pairs.addAndGet(-wanted);
            return true;
        }
    }
}
