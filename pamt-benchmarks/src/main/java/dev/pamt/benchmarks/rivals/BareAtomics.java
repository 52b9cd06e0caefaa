package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicInteger;

/** The limit: two atomic additions to an object's field. */
final class BareAtomics implements RegionCounts {
    private final Regions regions;
    private final AtomicInteger[] counts;

    BareAtomics(Regions regions) {
        this.regions = regions;
        counts = new AtomicInteger[regions.count()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = new AtomicInteger();
        }
    }

    @Override
    public void get(long hpa) {
        counts[regions.index(hpa)].getAndIncrement();
    }

    @Override
    public void put(long hpa) {
        counts[regions.index(hpa)].getAndDecrement();
    }

    @Override
    public void close() {}
}
