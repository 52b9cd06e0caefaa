package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/** A strategy as a user would write it in a few minutes: a fair semaphore for each gigabyte. */
final class SemaphorePerGigabyte implements LockStrategy {
    private static final int REGIONS_PER_GIGABYTE = 512;

    @Override
    public String name() {
        return "semaphore per gigabyte";
    }

    @Override
    public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
        ConcurrentHashMap<Long, Semaphore> semaphores = new ConcurrentHashMap<>();
        return new RegionLocks() {
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
        };
    }
}
