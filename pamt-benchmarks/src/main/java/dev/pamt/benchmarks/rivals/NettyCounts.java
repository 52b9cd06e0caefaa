package dev.pamt.benchmarks.rivals;

import io.netty.util.AbstractReferenceCounted;
import io.netty.util.ReferenceCounted;

/** Netty's reference count. It cannot be armed again, so it stands only where no region becomes empty. */
final class NettyCounts implements RegionCounts {
    private final long first;
    private final ReferenceCounted[] counts;

    NettyCounts(long first, int regions) {
        this.first = first;
        counts = new ReferenceCounted[regions];
        for (int i = 0; i < regions; i++) {
            counts[i] = new Count();
        }
    }

    @Override
    public void get(long hpa) {
        counts[Rivals.index(hpa, first)].retain();
    }

    @Override
    public void put(long hpa) {
        counts[Rivals.index(hpa, first)].release();
    }

    @Override
    public void close() {}

    private static final class Count extends AbstractReferenceCounted {
        @Override
        protected void deallocate() {}

        @Override
        public ReferenceCounted touch(Object hint) {
            return this;
        }
    }
}
