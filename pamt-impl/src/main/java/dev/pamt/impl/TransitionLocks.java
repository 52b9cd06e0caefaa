package dev.pamt.impl;

import dev.pamt.api.LockStrategy.RegionLocks;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Takes the locks of a transition: the target's, and those of the donated pages' regions where they do not come from
 * chunks. Always in ascending order of lock number and each number once, so no two transitions can wait for each other,
 * whatever the strategy. Nothing is kept between taking and leaving them: the lock of a region is always the same.
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
    void lock(long region) {
        acquire(locks.lockOf(region), region);
    }

    /** Takes the lock of a target and, unless the donors are null, of the regions that their pages lie in. */
    void lock(long region, PagePair donors) {
        if (donors == null || !donorsToo) {
            lock(region);
            return;
        }
        long target = locks.lockOf(region);
        long donor0 = locks.lockOf(RegionTable.regionOf(donors.page0Hpa()));
        long donor1 = locks.lockOf(RegionTable.regionOf(donors.page1Hpa()));
        long lowest = Math.min(target, Math.min(donor0, donor1));
        long middle = Math.max(Math.min(target, donor0), Math.min(Math.max(target, donor0), donor1));
        long highest = Math.max(target, Math.max(donor0, donor1));
        acquire(lowest, region);
        if (middle != lowest) {
            acquire(middle, region);
        }
        if (highest != middle) {
            acquire(highest, region);
        }
    }

    /**
     * Leaves the lock of one region.
     *
     * @param called whether a call of the module was made under it, which has then been counted; so this need not be
     */
    void unlock(long region, boolean called) {
        locks.unlock(locks.lockOf(region));
        count(called ? 0 : 1);
    }

    /** Leaves what {@link #lock(long, PagePair)} has taken. */
    void unlock(long region, PagePair donors, boolean called) {
        if (donors == null || !donorsToo) {
            unlock(region, called);
            return;
        }
        long target = locks.lockOf(region);
        long donor0 = locks.lockOf(RegionTable.regionOf(donors.page0Hpa()));
        long donor1 = locks.lockOf(RegionTable.regionOf(donors.page1Hpa()));
        int left = 1;
        locks.unlock(target);
        if (donor0 != target) {
            locks.unlock(donor0);
            left++;
        }
        if (donor1 != target && donor1 != donor0) {
            locks.unlock(donor1);
            left++;
        }
        count(called ? left - 1 : left);
    }

    private void count(int notCounted) {
        if (notCounted > 0) {
            counters.locksWithoutCall.add(notCounted);
        }
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
        notes.setOpaque(note, region);
    }
}
