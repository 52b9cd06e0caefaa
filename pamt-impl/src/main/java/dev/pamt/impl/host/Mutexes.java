package dev.pamt.impl.host;

import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/** Takes a mutex where there is no way back: behind a commit point, where an exception would leave things half done. */
public final class Mutexes {
    private static final long PAUSE_NANOS = 10_000;

    private Mutexes() {}

    /**
     * Takes a lock that is held for a few instructions at a time. A {@link ReentrantLock} allocates when it is contended; if
     * that fails, this polls it.
     *
     * @param mutex the lock
     */
    public static void lock(ReentrantLock mutex) {
        boolean taken = mutex.tryLock();
        if (!taken) {
            try {
                mutex.lock();
                taken = true;
            } catch (OutOfMemoryError contended) {
                while (!taken) {
                    LockSupport.parkNanos(mutex, PAUSE_NANOS);
                    taken = mutex.tryLock();
                }
            }
        }
    }
}
