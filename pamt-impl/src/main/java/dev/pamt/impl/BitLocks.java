package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.impl.host.Hashing;
import dev.pamt.impl.host.Mutexes;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A family of locks, each of two bits that lie wherever the subclass keeps them.
 *
 * <p>LOCKED says that a thread holds the lock, PARKED that threads are parked for it. The uncontended way in and out is one
 * compare-and-set each. A thread that finds the lock held spins for about as long as a SEAMCALL takes and then parks in a
 * queue; queues are shared by the locks of a family, each lock finds its waiters by its number.
 *
 * <p>A thread that leaves a lock with PARKED set wakes the thread that has waited longest, and normally frees the lock: a thread
 * that is running may take it before the woken one is back on a processor, which then parks again, in the place that it had in
 * the queue. With more threads than processors nothing else keeps the lock in use; if it were handed over each time, every turn would cost
 * a context switch. Once a waiter has been overtaken for {@link #PATIENCE_NANOS}, though, the lock is handed to it without
 * being freed. So a thread waits at most that long, and then one holder's turn for each thread that came before it.
 *
 * <p>Why no wake-up is lost: as long as threads are parked, PARKED is set, and either a thread holds the lock or the woken
 * thread is on its way to it. Both will leave the lock with PARKED set, and wake the next. PARKED is set, and the waiter
 * enqueued, under the queue's mutex and only while LOCKED is seen in the same compare-and-set; the leaver that fails to go
 * from LOCKED alone to 0 takes the same mutex, and finds the waiter.
 *
 * <p>A waiter brings its own link of the queue and is made before anything is changed. From its first compare-and-set on
 * nothing needs memory, so an OutOfMemoryError leaves no lock that no thread will free.
 *
 * <p>Waiters park with {@link LockSupport} and the mutex is a {@link ReentrantLock}, so virtual threads give their carrier
 * away. An interrupt does not end the wait; the status is set again afterwards.
 */
abstract class BitLocks implements LockStrategy.RegionLocks {
    private static final int FREE = 0;
    private static final int LOCKED = RegionWord.LOCKED;
    private static final int PARKED = 2;

    /** How long a parked thread can be overtaken. */
    static final long PATIENCE_NANOS = 1_000_000;

    /** A SEAMCALL takes 1 to 18 microseconds, a turn of the loop some 50 nanoseconds; alone on a processor, waiting is futile. */
    static final int SPINS = Runtime.getRuntime().availableProcessors() > 1 ? 128 : 0;

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
        return casBits(lock, FREE, LOCKED) || casBits(lock, PARKED, PARKED | LOCKED);
    }

    @Override
    public final void lock(long lock) {
        if (!spin(lock)) {
            park(lock);
        }
    }

    @Override
    public final void unlock(long lock) {
        if (!casBits(lock, LOCKED, FREE)) {
            queueOf(lock).wakeFirst(this, lock);
        }
    }

    private boolean spin(long lock) {
        for (int i = 0; i < SPINS; i++) {
            if ((bits(lock) & LOCKED) == 0 && tryLock(lock)) {
                return true;
            }
            Thread.onSpinWait();
        }
        return tryLock(lock);
    }

    private void park(long lock) {
        Waiter waiter = new Waiter(lock, Thread.currentThread());
        WaitQueue queue = queueOf(lock);
        boolean interrupted = false;
        while (queue.enqueueUnlessFree(this, waiter)) {
            interrupted |= waiter.awaitTurn();
            if (waiter.owner || tryLock(lock)) {
                break;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private WaitQueue queueOf(long lock) {
        return queues[(int) Hashing.spread(lock) & (queues.length - 1)];
    }

    /** A thread that waits for a lock, and its link in the queue. */
    private static final class Waiter {
        private final long lock;
        private final Thread thread;
        private final long since = System.nanoTime();
        /** When the thread came, among the waiters of its queue; 0 before that. Guarded by the queue's mutex. */
        private long ticket;
        /** The waiter that came next. Guarded by the queue's mutex. */
        private Waiter next;
        /** Whether the lock was handed over; written before woken. */
        private boolean owner;

        private volatile boolean woken;

        Waiter(long lock, Thread thread) {
            this.lock = lock;
            this.thread = thread;
        }

        /** Waits to be woken; returns whether the thread was interrupted meanwhile. */
        boolean awaitTurn() {
            boolean interrupted = false;
            while (!woken) {
                LockSupport.park(this);
                interrupted |= Thread.interrupted();
            }
            return interrupted;
        }

        void wake() {
            woken = true;
            LockSupport.unpark(thread);
        }
    }

    /** The waiters of some locks of a family, in the order in which they came. */
    private static final class WaitQueue {
        private final ReentrantLock mutex = new ReentrantLock();
        /** Guarded by the mutex. */
        private Waiter first;
        /** Guarded by the mutex. */
        private Waiter last;
        /** Guarded by the mutex. */
        private long tickets;

        /** Enqueues a waiter for a lock that is held; returns false if the lock was free, and takes it then. */
        boolean enqueueUnlessFree(BitLocks locks, Waiter waiter) {
            Mutexes.lock(mutex);
            try {
                while (true) {
                    int bits = locks.bits(waiter.lock);
                    if ((bits & LOCKED) == 0) {
                        if (locks.casBits(waiter.lock, bits, bits | LOCKED)) {
                            return false;
                        }
                    } else if (locks.casBits(waiter.lock, bits, LOCKED | PARKED)) {
                        enqueue(waiter);
                        return true;
                    }
                }
            } finally {
                mutex.unlock();
            }
        }

        /** A waiter that was woken in vain goes before those that came after it, also if several were woken meanwhile. */
        private void enqueue(Waiter waiter) {
            waiter.woken = false;
            if (waiter.ticket == 0) {
                waiter.ticket = ++tickets;
            }
            Waiter before = null;
            Waiter after = first;
            if (last != null && last.ticket < waiter.ticket) {
                before = last;
                after = null;
            }
            while (after != null && after.ticket < waiter.ticket) {
                before = after;
                after = after.next;
            }
            waiter.next = after;
            follow(before, waiter);
            if (after == null) {
                last = waiter;
            }
        }

        private void follow(Waiter before, Waiter waiter) {
            if (before == null) {
                first = waiter;
            } else {
                before.next = waiter;
            }
        }

        /** Leaves a lock that has waiters: frees it and wakes the first, or hands it over if that one has waited too long. */
        void wakeFirst(BitLocks locks, long lock) {
            Waiter woken = null;
            Mutexes.lock(mutex);
            try {
                Waiter before = null;
                Waiter waiter = first;
                while (waiter != null && waiter.lock != lock) {
                    before = waiter;
                    waiter = waiter.next;
                }
                if (waiter == null) {
                    throw new IllegalMonitorStateException("lock " + lock + " is not held");
                }
                boolean handOver = System.nanoTime() - waiter.since > PATIENCE_NANOS;
                int left = (handOver ? LOCKED : FREE) | (hasMore(waiter.next, lock) ? PARKED : FREE);
                if (!locks.casBits(lock, LOCKED | PARKED, left)) {
                    throw new IllegalMonitorStateException("lock " + lock + " changed while it was left");
                }
                waiter.owner = handOver;
                follow(before, waiter.next);
                if (waiter.next == null) {
                    last = before;
                }
                waiter.next = null;
                woken = waiter;
            } finally {
                mutex.unlock();
            }
            woken.wake();
        }

        private static boolean hasMore(Waiter from, long lock) {
            Waiter waiter = from;
            while (waiter != null && waiter.lock != lock) {
                waiter = waiter.next;
            }
            return waiter != null;
        }
    }
}
