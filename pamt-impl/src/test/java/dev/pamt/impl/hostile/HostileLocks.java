package dev.pamt.impl.hostile;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;

/** Locks that fail before they are taken, and after they were let go. */
final class HostileLocks implements LockStrategy {
    private final LockStrategy real;
    private final int fails;
    private volatile boolean calm = true;

    HostileLocks(LockStrategy real, int fails) {
        this.real = real;
        this.fails = fails;
    }

    void setCalm(boolean value) {
        calm = value;
    }

    /** A choice of processors that fails as the locks do. */
    int processor() {
        failAtTimes("processor");
        return 0;
    }

    private void failAtTimes(String where) {
        if (!calm && Chance.oneIn(fails)) {
            throw Hostility.raise(Hostility.failure(where));
        }
    }

    @Override
    public String name() {
        return "hostile " + real.name();
    }

    @Override
    public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
        RegionLocks locks = real.newLocks(memory, bits);
        return new RegionLocks() {
            @Override
            public long lockOf(long region) {
                failAtTimes("lockOf");
                return locks.lockOf(region);
            }

            @Override
            public boolean tryLock(long lock) {
                failAtTimes("tryLock");
                return locks.tryLock(lock);
            }

            @Override
            public void lock(long lock) {
                failAtTimes("lock");
                locks.lock(lock);
            }

            @Override
            public void unlock(long lock) {
                locks.unlock(lock);
                failAtTimes("unlock");
            }
        };
    }
}
