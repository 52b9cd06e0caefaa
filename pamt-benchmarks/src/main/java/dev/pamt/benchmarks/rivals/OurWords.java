package dev.pamt.benchmarks.rivals;

import dev.pamt.impl.BareWords;

/** The words of this library without the way to them; all regions are backed from the start. */
final class OurWords implements RegionCounts {
    private final Regions regions;
    private final BareWords words;

    OurWords(Regions regions) {
        this.regions = regions;
        words = new BareWords(regions.count());
    }

    @Override
    public void get(long hpa) {
        words.get(regions.index(hpa));
    }

    @Override
    public void put(long hpa) {
        words.put(regions.index(hpa));
    }

    @Override
    public void close() {}
}
