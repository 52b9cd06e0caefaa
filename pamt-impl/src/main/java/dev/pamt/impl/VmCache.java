package dev.pamt.impl;

import dev.pamt.api.PamtPageCache;
import dev.pamt.api.VmPageCache;

/**
 * The pairs of a VM that are not reserved.
 *
 * <p>A reservation is filled before its caller sees it and is then the caller's alone. So one splitter cannot consume what
 * another has counted on, and none has to check again under a lock.
 */
final class VmCache implements VmPageCache, PairHome, ManagedCache {
    private final ManagerLifecycle manager;
    private final PairSource supply;
    private final StripedCount cachedPairs;
    private final PairStack pairs;

    VmCache(ManagerLifecycle manager, PairSource supply, StripedCount cachedPairs) {
        this.manager = manager;
        this.supply = supply;
        this.cachedPairs = cachedPairs;
        this.pairs = new PairStack(cachedPairs);
    }

    @Override
    public void topUp(int wanted) {
        if (wanted < 0) {
            throw new IllegalArgumentException("a cache is topped up to 0 pairs or more, not " + wanted);
        }
        while (pairs.wants(wanted)) {
            giveBack(supply.take(PairSource.NO_REGION));
        }
    }

    @Override
    public PamtPageCache reserve(int wanted) {
        if (wanted < 1) {
            throw new IllegalArgumentException("a reservation has at least 1 pair, not " + wanted);
        }
        pairs.requireOpen();
        PairCache reservation = new PairCache(manager, supply, this, cachedPairs);
        boolean filled = false;
        try {
            manager.register(reservation);
            while (reservation.fillFrom(pairs, wanted)) {
                pairs.requireOpen();
            }
            filled = true;
        } finally {
            if (!filled) {
                reservation.close();
            }
        }
        return reservation;
    }

    @Override
    public int unreserved() {
        return pairs.size();
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
                supply.giveBack(pair);
            }
        }
    }
}
