package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicInteger;

/** One count for all regions, which no address leads to; each call uses the word that the call before has changed. */
final class BareWord implements RegionCounts {
    private static final int MIDDLE = 16;

    /** Neighbours that nothing uses keep the count's cache line from the fields of other objects. */
    private final AtomicInteger[] apart = new AtomicInteger[2 * MIDDLE];

    private final AtomicInteger count;

    BareWord() {
        for (int i = 0; i < apart.length; i++) {
            apart[i] = new AtomicInteger();
        }
        count = apart[MIDDLE];
    }

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
