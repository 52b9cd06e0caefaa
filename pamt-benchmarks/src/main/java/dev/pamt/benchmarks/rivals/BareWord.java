package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicInteger;

/** Below the limit: one count for all regions, which no address leads to. */
final class BareWord implements RegionCounts {
    private final AtomicInteger count = new AtomicInteger();

    @Override
    public void get(long hpa) {
        count.getAndIncrement();
    }

    @Override
    public void put(long hpa) {
        count.getAndDecrement();
    }

    @Override
    public void close() {}
}
