package com.example.lockstrategy;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/**
 * A lock strategy with a fair semaphore for each gigabyte. The number of a lock is that of its gigabyte.
 *
 * <p><b>Thread-safety:</b> immutable. <b>Progress:</b> a waiting thread is parked, and threads get a lock in the order in
 * which they asked for it.
 */
public final class SemaphorePerGigabyte implements LockStrategy {
    private static final int REGIONS_PER_GIGABYTE = 512;

    /** Makes the strategy; the race suites, which know the class by its name, need this constructor. */
    public SemaphorePerGigabyte() {}

    @Override
    public String name() {
        return "semaphore per gigabyte";
    }

    @Override
    public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
        return new Semaphores();
    }

    private static final class Semaphores implements RegionLocks {
        private final ConcurrentHashMap<Long, Semaphore> semaphores = new ConcurrentHashMap<>();

        @Override
        public long lockOf(long region) {
            return region / REGIONS_PER_GIGABYTE;
        }

        @Override
        public boolean tryLock(long lock) {
            return of(lock).tryAcquire();
        }

        @Override
        public void lock(long lock) {
            of(lock).acquireUninterruptibly();
        }

        @Override
        public void unlock(long lock) {
            of(lock).release();
        }

        private Semaphore of(long lock) {
            return semaphores.computeIfAbsent(lock, key -> new Semaphore(1, true));
        }
    }
}
