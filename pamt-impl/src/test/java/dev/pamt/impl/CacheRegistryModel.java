package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The life of a manager and of its caches under Lincheck: a cache that a close has not seen is not made, and after a close no
 * cache has a pair. Public because Lincheck asks for it.
 */
public final class CacheRegistryModel {
    private final ManagerLifecycle lifecycle = new ManagerLifecycle();
    private final StripedCount cachedPairs = new StripedCount();
    private final Supply supply = new Supply();

    /** Makes an open manager without caches. */
    public CacheRegistryModel() {}

    /** Makes a cache with a pair. */
    @Operation
    public String open() {
        PairCache cache = new PairCache(lifecycle, supply, supply, cachedPairs);
        try {
            lifecycle.register(cache);
            cache.topUp(1);
        } catch (ManagerClosedException closed) {
            return "closed";
        }
        return "open";
    }

    /** Makes a cache and closes it. */
    @Operation
    public void openAndClose() {
        PairCache cache = new PairCache(lifecycle, supply, supply, cachedPairs);
        try {
            lifecycle.register(cache);
            cache.topUp(1);
        } catch (ManagerClosedException closed) {
            return;
        }
        cache.close();
    }

    /** Closes the manager; returns whether this call has done it. */
    @Operation
    public boolean close() {
        if (!lifecycle.beginClose()) {
            return false;
        }
        lifecycle.decide(true);
        lifecycle.closeCaches();
        return true;
    }

    /** After the close all pairs have come home. */
    @Validate
    public void noCacheOfAClosedManagerHasAPair() {
        if (lifecycle.isClosed() && (supply.out.get() != 0 || cachedPairs.sum() != 0)) {
            throw new AssertionError(supply.out.get() + " pairs are out, " + cachedPairs.sum() + " are counted");
        }
    }

    private static final class Supply implements PairSource {
        private final AtomicInteger out = new AtomicInteger();

        @Override
        public PagePair take(long hpa) {
            return PagePair.ofChunk(out.getAndIncrement() * PagePair.BYTES);
        }

        @Override
        public void giveBack(PagePair pair) {
            out.getAndDecrement();
        }
    }
}
