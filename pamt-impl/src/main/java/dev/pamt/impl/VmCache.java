package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.VmPageCache;
import java.util.ArrayDeque;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * The pairs of a VM that nobody has reserved, under a mutex. The supply, which may block, is called without it.
 *
 * <p>A reservation is filled before anybody sees it and is then its owner's alone. So what one splitter counted on cannot
 * be consumed by another, and nobody has to check again under a lock.
 */
final class VmCache implements VmPageCache, PairHome, ManagedCache {
    private final Object manager;
    private final PairSource supply;
    private final Counters counters;
    private final Consumer<ManagedCache> onClose;
    private final ReentrantLock mutex = new ReentrantLock();
    /** Guarded by the mutex. */
    private final ArrayDeque<PagePair> pairs = new ArrayDeque<>();
    /** Guarded by the mutex. */
    private boolean closed;

    VmCache(Object manager, PairSource supply, Counters counters, Consumer<ManagedCache> onClose) {
        this.manager = manager;
        this.supply = supply;
        this.counters = counters;
        this.onClose = onClose;
    }

    @Override
    public void topUp(int wanted) {
        if (wanted < 0) {
            throw new IllegalArgumentException("a cache is topped up to 0 pairs or more, not " + wanted);
        }
        requireOpen();
        while (unreserved() < wanted) {
            giveBack(supply.take(PairSource.NO_REGION));
        }
    }

    @Override
    public PamtPageCache reserve(int wanted) {
        if (wanted < 1) {
            throw new IllegalArgumentException("a reservation has at least 1 pair, not " + wanted);
        }
        requireOpen();
        PairCache reservation = new PairCache(manager, supply, this, counters, cache -> {});
        try {
            while (reservation.pairs() < wanted) {
                PagePair pair = pollUnreserved();
                reservation.giveBack(pair != null ? pair : supply.take(PairSource.NO_REGION));
            }
        } catch (OutOfPagesException noMemory) {
            reservation.close();
            throw noMemory;
        }
        return reservation;
    }

    @Override
    public int unreserved() {
        mutex.lock();
        try {
            return pairs.size();
        } finally {
            mutex.unlock();
        }
    }

    @Override
    public void giveBack(PagePair pair) {
        mutex.lock();
        try {
            if (!closed) {
                pairs.addLast(pair);
                counters.cachedPairs.increment();
                return;
            }
        } finally {
            mutex.unlock();
        }
        supply.giveBack(pair);
    }

    @Override
    public void close() {
        ArrayDeque<PagePair> left;
        mutex.lock();
        try {
            closed = true;
            left = new ArrayDeque<>(pairs);
            pairs.clear();
            counters.cachedPairs.add(-left.size());
        } finally {
            mutex.unlock();
        }
        onClose.accept(this);
        left.forEach(supply::giveBack);
    }

    private PagePair pollUnreserved() {
        mutex.lock();
        try {
            PagePair pair = pairs.pollLast();
            if (pair != null) {
                counters.cachedPairs.decrement();
            }
            return pair;
        } finally {
            mutex.unlock();
        }
    }

    private void requireOpen() {
        mutex.lock();
        try {
            if (closed) {
                throw new ManagerClosedException("the cache");
            }
        } finally {
            mutex.unlock();
        }
    }
}
