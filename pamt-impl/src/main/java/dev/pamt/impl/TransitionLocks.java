package dev.pamt.impl;

import dev.pamt.api.LockStrategy.RegionLocks;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Takes the locks of a transition: the target's, and those of the donated pages' regions where they do not come from
 * chunks. Always in ascending order of lock number and each number once, so no two transitions can wait for each other,
 * whatever the strategy.
 *
 * <p>Counts what it sees. Whether a lock is held for the same region is told from a note of its last holder; notes are
 * shared by locks whose numbers collide, so with more than 1024 locks true and false may be told apart wrongly once in a
 * while. They are counts for people, nothing depends on them.
 */
final class TransitionLocks {
    private static final int NOTES = 1024;

    private final RegionLocks locks;
    private final Counters counters;
    private final boolean donorsToo;
    private final AtomicLongArray notes = new AtomicLongArray(NOTES);

    /**
     * Wraps the locks of a strategy.
     *
     * @param donorsToo whether donated pages' regions are locked; only a test that shows why they must be says no
     */
    TransitionLocks(RegionLocks locks, Counters counters, boolean donorsToo) {
        this.locks = locks;
        this.counters = counters;
        this.donorsToo = donorsToo;
    }

    /** Takes the lock of one region. */
    Held lock(long region) {
        return acquire(new Held(region, locks.lockOf(region)));
    }

    /** Takes the locks of a target and of the regions that a pair's pages lie in. */
    Held lock(long region, PagePair pair) {
        Held held = new Held(region, locks.lockOf(region));
        if (donorsToo) {
            held.add(locks.lockOf(RegionTable.regionOf(pair.page0Hpa())));
            held.add(locks.lockOf(RegionTable.regionOf(pair.page1Hpa())));
        }
        return acquire(held);
    }

    void unlock(Held held) {
        for (int i = held.count - 1; i >= 0; i--) {
            locks.unlock(held.numbers[i]);
        }
    }

    private Held acquire(Held held) {
        for (int i = 0; i < held.count; i++) {
            acquire(held.numbers[i], held.region);
        }
        return held;
    }

    private void acquire(long lock, long region) {
        int note = (int) Hashing.spread(lock) & (NOTES - 1);
        if (!locks.tryLock(lock)) {
            boolean sameRegion = notes.getOpaque(note) == region;
            long start = System.nanoTime();
            locks.lock(lock);
            counters.waitNanos.add(System.nanoTime() - start);
            (sameRegion ? counters.contendedTrue : counters.contendedFalse).increment();
        }
        counters.acquisitions.increment();
        notes.setOpaque(note, region);
    }

    /** The locks of one transition: one to three numbers in ascending order. */
    static final class Held {
        private final long region;
        private final long[] numbers = new long[3];
        private int count = 1;

        private Held(long region, long lock) {
            this.region = region;
            numbers[0] = lock;
        }

        private void add(long lock) {
            int at = 0;
            while (at < count && numbers[at] < lock) {
                at++;
            }
            if (at == count || numbers[at] != lock) {
                System.arraycopy(numbers, at, numbers, at + 1, count - at);
                numbers[at] = lock;
                count++;
            }
        }
    }
}
