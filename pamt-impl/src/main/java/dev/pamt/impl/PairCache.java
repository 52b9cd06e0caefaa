package dev.pamt.impl;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.PamtPageCache;

/** Pairs in hand of one owner: a vCPU's cache, or a reservation of a VM's. */
final class PairCache implements PamtPageCache, PairSource, ManagedCache {
    private final ManagerLifecycle manager;
    private final PairSource supply;
    private final PairHome home;
    private final PairStack pairs;

    /**
     * Makes an empty cache.
     *
     * @param manager the life of the manager that the cache belongs to
     * @param supply where it is topped up from
     * @param home where its pairs go when it is closed
     */
    PairCache(ManagerLifecycle manager, PairSource supply, PairHome home, StripedCount cachedPairs) {
        this.manager = manager;
        this.supply = supply;
        this.home = home;
        this.pairs = new PairStack(cachedPairs);
    }

    boolean belongsTo(ManagerLifecycle candidate) {
        return manager == candidate;
    }

    @Override
    public void topUp(int wanted) {
        if (wanted < 0) {
            throw new IllegalArgumentException("a cache is topped up to 0 pairs or more, not " + wanted);
        }
        while (pairs.wants(wanted)) {
            giveBack(supply.take(NO_REGION));
        }
    }

    /** Adds a pair if fewer than that many are in hand, from another cache if that has one; returns whether it did. */
    boolean fillFrom(PairStack other, int wanted) {
        if (!pairs.wants(wanted)) {
            return false;
        }
        PagePair pair = other.poll();
        giveBack(pair != null ? pair : supply.take(NO_REGION));
        return true;
    }

    @Override
    public int pairs() {
        return pairs.size();
    }

    @Override
    public PagePair take(long hpa) {
        PagePair pair = pairs.poll();
        if (pair == null) {
            pairs.requireOpen();
            throw new CacheExhaustedException(hpa);
        }
        return pair;
    }

    @Override
    public void giveBack(PagePair pair) {
        if (!pairs.push(pair)) {
            supply.giveBack(pair);
        }
    }

    @Override
    public void close() {
        if (pairs.end()) {
            manager.forget(this);
            for (PagePair pair = pairs.poll(); pair != null; pair = pairs.poll()) {
                home.giveBack(pair);
            }
        }
    }
}
