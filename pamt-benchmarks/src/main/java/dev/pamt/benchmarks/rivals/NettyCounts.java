package dev.pamt.benchmarks.rivals;

/** Netty's reference counts in one array. */
final class NettyCounts implements RegionCounts {
    private final Regions regions;
    private final NettyCount[] counts;

    NettyCounts(Regions regions) {
        this.regions = regions;
        counts = new NettyCount[regions.count()];
        for (int i = 0; i < counts.length; i++) {
            counts[i] = new NettyCount();
        }
    }

    @Override
    public void get(long hpa) {
        counts[regions.index(hpa)].retain();
    }

    @Override
    public void put(long hpa) {
        counts[regions.index(hpa)].release();
    }

    @Override
    public void close() {}
}
