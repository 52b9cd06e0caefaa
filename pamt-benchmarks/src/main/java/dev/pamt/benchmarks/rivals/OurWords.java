package dev.pamt.benchmarks.rivals;

import dev.pamt.impl.BareWords;

/** The words of this library without the way from an address to its word; all regions are backed from the start. */
record OurWords(BareWords words, long first) implements RegionCounts {
    @Override
    public void get(long hpa) {
        words.get(Rivals.index(hpa, first));
    }

    @Override
    public void put(long hpa) {
        words.put(Rivals.index(hpa, first));
    }

    @Override
    public void close() {}
}
