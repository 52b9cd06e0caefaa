package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A family of locks, each of two bits that lie wherever the subclass keeps them.
 *
 * <p>LOCKED says that somebody holds the lock, PARKED that threads are parked for it (then it is also LOCKED). The
 * uncontended way in and out is one compare-and-set each. A thread that finds the lock held spins for about as long as a
 * SEAMCALL takes and then parks in a queue; queues are shared by the locks of a family, each lock finds its waiters by its
 * number. Whoever leaves a lock with PARKED set does not free it but hands it to the thread that has waited longest. So
 * nobody overtakes a parked thread; only threads that are still spinning are served in no particular order.
 *
 * <p>Why no wake-up is lost: PARKED is set, and the waiter enqueued, under the queue's mutex and only while LOCKED is seen
 * in the same compare-and-set; the leaver that fails to go from LOCKED alone to 0 takes the same mutex, and finds the
 * waiter. Why a handed-over lock is not taken by somebody else: LOCKED never drops on the way.
 *
 * <p>Waiters park with {@link LockSupport} and the mutex is a {@link ReentrantLock}, so virtual threads give their carrier
 * away. An interrupt does not end the wait; the status is set again afterwards.
 */
abstract class BitLocks implements LockStrategy.RegionLocks {
    private static final int FREE = 0;
    private static final int LOCKED = 1;
    private static final int PARKED = 2;

    /** A SEAMCALL takes 1 to 18 microseconds, a turn of the loop some 50 nanoseconds; alone on a processor, waiting is futile. */
    private static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 128 : 0;

    private final WaitQueue[] queues;

    /** A family of locks with that many queues, a power of two. */
    BitLocks(int queueCount) {
        queues = new WaitQueue[queueCount];
        for (int i = 0; i < queueCount; i++) {
            queues[i] = new WaitQueue();
        }
    }

    /** The two bits of a lock. */
    abstract int bits(long lock);

    /** Changes the two bits of a lock. */
    abstract boolean casBits(long lock, int expected, int update);

    @Override
    public final boolean tryLock(long lock) {
        return casBits(lock, FREE, LOCKED);
    }

    @Override
    public final void lock(long lock) {
        for (int i = 0; i < SPINS; i++) {
            if (bits(lock) == FREE && tryLock(lock)) {
                return;
            }
            Thread.onSpinWait();
        }
        if (!tryLock(lock)) {
            park(lock);
        }
    }

    @Override
    public final void unlock(long lock) {
        if (!casBits(lock, LOCKED, FREE)) {
            handOver(lock);
        }
    }

    private void park(long lock) {
        Waiter waiter = new Waiter(lock, Thread.currentThread());
        if (queueOf(lock).enqueueUnlessFree(this, waiter)) {
            waiter.await();
        }
    }

    private void handOver(long lock) {
        Waiter next = queueOf(lock).dequeue(this, lock);
        if (next == null) {
            throw new IllegalMonitorStateException("lock " + lock + " is not held");
        }
        next.grant();
    }

    private WaitQueue queueOf(long lock) {
        return queues[(int) Hashing.spread(lock) & (queues.length - 1)];
    }

    /** A thread that waits for a lock. */
    private static final class Waiter {
        private final long lock;
        private final Thread thread;
        private volatile boolean granted;

        Waiter(long lock, Thread thread) {
            this.lock = lock;
            this.thread = thread;
        }

        void await() {
            boolean interrupted = false;
            while (!granted) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
            if (interrupted) {
                thread.interrupt();
            }
        }

        void grant() {
            granted = true;
            LockSupport.unpark(thread);
        }
    }

    /** The waiters of some locks of a family, in the order in which they came. */
    private static final class WaitQueue {
        private final ReentrantLock mutex = new ReentrantLock();
        private final ArrayDeque<Waiter> waiters = new ArrayDeque<>();

        /** Enqueues a waiter for a lock that is held; returns false if the lock was free, and takes it then. */
        boolean enqueueUnlessFree(BitLocks locks, Waiter waiter) {
            mutex.lock();
            try {
                while (true) {
                    int bits = locks.bits(waiter.lock);
                    if (bits == FREE) {
                        if (locks.casBits(waiter.lock, FREE, LOCKED)) {
                            return false;
                        }
                    } else if (bits == (LOCKED | PARKED) || locks.casBits(waiter.lock, LOCKED, LOCKED | PARKED)) {
                        waiters.addLast(waiter);
                        return true;
                    }
                }
            } finally {
                mutex.unlock();
            }
        }

        /** Takes the first waiter of a lock out of the queue, and PARKED off the lock if it was the last. */
        Waiter dequeue(BitLocks locks, long lock) {
            mutex.lock();
            try {
                Waiter first = null;
                boolean more = false;
                for (Iterator<Waiter> all = waiters.iterator(); all.hasNext() && !more; ) {
                    Waiter waiter = all.next();
                    if (waiter.lock == lock) {
                        if (first == null) {
                            first = waiter;
                            all.remove();
                        } else {
                            more = true;
                        }
                    }
                }
                if (first != null && !more && !locks.casBits(lock, LOCKED | PARKED, LOCKED)) {
                    throw new IllegalMonitorStateException("lock " + lock + " changed while it was handed over");
                }
                return first;
            } finally {
                mutex.unlock();
            }
        }
    }
}
