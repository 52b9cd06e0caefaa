package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.impl.host.Mutexes;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * The one owner of a manager's life: open, closing, closed, and the caches that end with it.
 *
 * <p>A manager that is closing becomes closed, or open again if regions are in use. A call that finds it closing waits for
 * the decision. The state is volatile: a close sets CLOSING first and looks at a region under its lock afterwards, and a
 * transition looks at the state under the lock of its region. So either the close sees what the transition has done, or the
 * transition sees the close.
 */
final class ManagerLifecycle {
    /** How long a close waits for pages in the hands of calls under way. */
    private static final long PATIENCE_NANOS = 1_000_000_000;

    private static final long POLL_NANOS = 50_000;

    private enum State {
        OPEN,
        CLOSING,
        CLOSED
    }

    private volatile State state = State.OPEN;
    private volatile Thread closer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition decided = lock.newCondition();
    private final Set<ManagedCache> caches = ConcurrentHashMap.newKeySet();

    boolean isOpen() {
        return state == State.OPEN;
    }

    boolean isClosed() {
        return state == State.CLOSED;
    }

    /**
     * Checks that the manager is open, and waits while that is undecided. A call from inside the close, by a callback of the
     * host's allocator, finds the manager closed.
     *
     * @throws ManagerClosedException if it is closed
     */
    void requireOpen() {
        if (state != State.OPEN && !staysOpen()) {
            throw new ManagerClosedException("the manager");
        }
    }

    private boolean staysOpen() {
        if (closer == Thread.currentThread()) {
            return false;
        }
        lock.lock();
        try {
            while (state == State.CLOSING) {
                decided.awaitUninterruptibly();
            }
            return state == State.OPEN;
        } finally {
            lock.unlock();
        }
    }

    /** Begins to close, after another close that is under way; returns false if the manager is closed, or this thread closes it. */
    boolean beginClose() {
        if (closer == Thread.currentThread()) {
            return false;
        }
        lock.lock();
        try {
            while (state == State.CLOSING) {
                decided.awaitUninterruptibly();
            }
            if (state == State.CLOSED) {
                return false;
            }
            closer = Thread.currentThread();
            state = State.CLOSING;
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Ends the close that this thread has begun: the manager is closed, or open as before. */
    void decide(boolean closed) {
        Mutexes.lock(lock);
        try {
            if (!closed) {
                closer = null;
            }
            state = closed ? State.CLOSED : State.OPEN;
            decided.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Has a new cache closed with the manager.
     *
     * @throws ManagerClosedException if the manager is closed
     */
    void register(ManagedCache cache) {
        caches.add(cache);
        // Registered first, looked afterwards: the close that this does not see finds the cache.
        boolean open = false;
        try {
            requireOpen();
            open = true;
        } finally {
            if (!open) {
                cache.close();
            }
        }
    }

    void forget(ManagedCache cache) {
        caches.remove(cache);
    }

    /**
     * Waits, after a close, until nothing is in the hands of calls under way; a second at most.
     *
     * @param out returns how much still is
     * @return what is left in the end
     */
    static long awaitNone(LongSupplier out) {
        long end = System.nanoTime() + PATIENCE_NANOS;
        long left = out.getAsLong();
        while (left > 0 && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(ManagerLifecycle.class, POLL_NANOS);
            left = out.getAsLong();
        }
        return left;
    }

    /** Closes what was registered. */
    void closeCaches() {
        caches.forEach(ManagedCache::close);
    }
}
