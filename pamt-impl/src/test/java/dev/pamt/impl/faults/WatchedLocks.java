package dev.pamt.impl.faults;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.impl.faults.Fault.Site;
import java.util.HashSet;
import java.util.Set;

/**
 * A strategy whose locks fail on demand and know which of them are held. It serves one thread at a time, so it also knows
 * when a thread would wait for itself.
 *
 * <p>A lock whose unlock threw before its work stays taken, which is the strategy's fault and not the manager's; it is let go
 * when it is wanted again.
 */
final class WatchedLocks implements LockStrategy {
    private final LockStrategy strategy;
    private final FaultInjector faults;
    /** Whether tryLock never takes a lock, so that lock has to. */
    private final boolean refuses;

    private final Set<Long> held = new HashSet<>();
    private final Set<Long> stuck = new HashSet<>();
    private RegionLocks locks;

    WatchedLocks(LockStrategy strategy, FaultInjector faults) {
        this.strategy = strategy;
        this.faults = faults;
        this.refuses = faults.fault() != null && faults.fault().site() == Site.LOCK;
    }

    @Override
    public String name() {
        return strategy.name();
    }

    /** The locks that the manager has taken and not let go. */
    Set<Long> held() {
        return held;
    }

    boolean holds(long hpa) {
        return held.contains(locks.lockOf(hpa / PageAllocator.CHUNK_BYTES));
    }

    @Override
    public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
        locks = strategy.newLocks(memory, bits);
        return new RegionLocks() {
            @Override
            public long lockOf(long region) {
                faults.throwsAfter(Site.LOCK_OF);
                return locks.lockOf(region);
            }

            @Override
            public boolean tryLock(long lock) {
                faults.throwsAfter(Site.TRY_LOCK);
                letGoIfStuck(lock);
                boolean taken = !refuses && locks.tryLock(lock);
                if (taken) {
                    held.add(lock);
                }
                return taken;
            }

            @Override
            public void lock(long lock) {
                faults.throwsAfter(Site.LOCK);
                letGoIfStuck(lock);
                if (held.contains(lock)) {
                    faults.violation("a thread would wait for itself: it holds lock " + lock);
                    throw new AssertionError("lock " + lock + " is held");
                }
                locks.lock(lock);
                held.add(lock);
            }

            @Override
            public void unlock(long lock) {
                if (!held.remove(lock)) {
                    faults.violation("lock " + lock + " is let go and was not held");
                    throw new AssertionError("lock " + lock + " is not held");
                }
                stuck.add(lock);
                boolean hit = faults.throwsAfter(Site.UNLOCK);
                letGoIfStuck(lock);
                if (hit) {
                    faults.raise();
                }
            }

            private void letGoIfStuck(long lock) {
                if (stuck.remove(lock)) {
                    locks.unlock(lock);
                }
            }
        };
    }
}
