package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicInteger;

/** The limit: two atomic additions to an object's field. */
final class BareAtomics implements RegionCounts {
    private final long first;
    private final AtomicInteger[] counts;

    BareAtomics(long first, int regions) {
        this.first = first;
        counts = new AtomicInteger[regions];
        for (int i = 0; i < regions; i++) {
            counts[i] = new AtomicInteger();
        }
    }

    @Override
    public void get(long hpa) {
        counts[Rivals.index(hpa, first)].getAndIncrement();
    }

    @Override
    public void put(long hpa) {
        counts[Rivals.index(hpa, first)].getAndDecrement();
    }

    @Override
    public void close() {}
}
