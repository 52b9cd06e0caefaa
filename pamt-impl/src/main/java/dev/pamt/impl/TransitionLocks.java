package dev.pamt.impl;

import dev.pamt.api.LockStrategy.RegionLocks;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Takes the locks of a transition: the target's, and those of the donated pages' regions where they do not come from
 * chunks. Always in ascending order of lock number and each number once, so no two transitions can wait for each other,
 * whatever the strategy.
 *
 * <p>Counts what it sees. Whether a lock is held for the same region is told from a note of its last holder; notes are
 * shared by locks whose numbers collide, and written a moment after the lock is taken, so true and false may be told apart
 * wrongly once in a while. They are counts for people, nothing depends on them.
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
        Held held = new Held(locks.lockOf(region));
        acquire(held.first, region);
        return held;
    }

    /** Takes the locks of a target and of the regions that a pair's pages lie in. */
    Held lock(long region, PagePair pair) {
        if (!donorsToo) {
            return lock(region);
        }
        Held held = new Held(locks.lockOf(region));
        held.add(locks.lockOf(RegionTable.regionOf(pair.page0Hpa())));
        held.add(locks.lockOf(RegionTable.regionOf(pair.page1Hpa())));
        acquire(held.first, region);
        if (held.count > 1) {
            acquire(held.second, region);
        }
        if (held.count > 2) {
            acquire(held.third, region);
        }
        return held;
    }

    void unlock(Held held) {
        if (held.count > 2) {
            locks.unlock(held.third);
        }
        if (held.count > 1) {
            locks.unlock(held.second);
        }
        locks.unlock(held.first);
    }

    private void acquire(long lock, long region) {
        int note = (int) Hashing.spread(lock) & (NOTES - 1);
        if (!locks.tryLock(lock)) {
            long noted = notes.getOpaque(note);
            // A note of another lock says nothing of this one; with a lock for each region only its own can be in the
            // way.
            boolean sameRegion = noted == region || locks.lockOf(noted) != lock;
            long start = System.nanoTime();
            locks.lock(lock);
            counters.waitNanos.add(System.nanoTime() - start);
            (sameRegion ? counters.contendedTrue : counters.contendedFalse).increment();
        }
        counters.acquisitions.increment();
        notes.setOpaque(note, region);
    }

    /** The locks of one transition: one to three numbers in ascending order. Fields, so that it need not be allocated. */
    static final class Held {
        private long first;
        private long second;
        private long third;
        private int count = 1;

        private Held(long lock) {
            first = lock;
        }

        private void add(long lock) {
            if (lock == first || (count > 1 && lock == second)) {
                return;
            }
            long rest = lock;
            if (rest < first) {
                long moved = first;
                first = rest;
                rest = moved;
            }
            if (count > 1 && rest < second) {
                third = second;
                second = rest;
            } else if (count > 1) {
                third = rest;
            } else {
                second = rest;
            }
            count++;
        }
    }
}
