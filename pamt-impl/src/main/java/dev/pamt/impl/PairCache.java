package dev.pamt.impl;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PamtPageCache;
import java.util.ArrayDeque;
import java.util.function.Consumer;

/**
 * Pairs in hand of one owner: a vCPU's cache, or a reservation of a VM's.
 *
 * <p>No synchronisation: the API says that calls of different threads do not overlap.
 */
final class PairCache implements PamtPageCache, PairSource, ManagedCache {
    private final Object manager;
    private final PairSource supply;
    private final PairHome home;
    private final Counters counters;
    private final Consumer<ManagedCache> onClose;
    private final ArrayDeque<PagePair> pairs = new ArrayDeque<>(FAULT_PAIRS);
    private boolean closed;

    /**
     * Makes an empty cache.
     *
     * @param manager whose cache it is
     * @param supply where it is topped up from
     * @param home where its pairs go when it is closed
     * @param onClose told when it is closed
     */
    PairCache(Object manager, PairSource supply, PairHome home, Counters counters, Consumer<ManagedCache> onClose) {
        this.manager = manager;
        this.supply = supply;
        this.home = home;
        this.counters = counters;
        this.onClose = onClose;
    }

    boolean belongsTo(Object candidate) {
        return manager == candidate;
    }

    @Override
    public void topUp(int wanted) {
        if (wanted < 0) {
            throw new IllegalArgumentException("a cache is topped up to 0 pairs or more, not " + wanted);
        }
        requireOpen();
        while (pairs.size() < wanted) {
            giveBack(supply.take(NO_REGION));
        }
    }

    @Override
    public int pairs() {
        return pairs.size();
    }

    @Override
    public PagePair take(long hpa) {
        requireOpen();
        PagePair pair = pairs.pollLast();
        if (pair == null) {
            throw new CacheExhaustedException(hpa);
        }
        counters.cachedPairs.decrement();
        return pair;
    }

    @Override
    public void giveBack(PagePair pair) {
        pairs.addLast(pair);
        counters.cachedPairs.increment();
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            onClose.accept(this);
            counters.cachedPairs.add(-pairs.size());
            pairs.forEach(home::giveBack);
            pairs.clear();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new ManagerClosedException("the cache");
        }
    }
}
