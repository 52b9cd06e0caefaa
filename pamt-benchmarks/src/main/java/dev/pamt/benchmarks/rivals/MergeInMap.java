package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import java.util.concurrent.ConcurrentHashMap;

/** One map operation for each get and put; the first and the last make their SEAMCALL inside it. */
final class MergeInMap implements RegionCounts {
    private final PairBackend backend;
    private final ConcurrentHashMap<Long, Integer> counts = new ConcurrentHashMap<>();

    MergeInMap(TdxHost host) {
        backend = new PairBackend(host);
    }

    @Override
    public void get(long hpa) {
        counts.compute(Regions.hpaOf(hpa), (region, count) -> {
            if (count == null) {
                backend.addFresh(region);
                return 1;
            }
            return count + 1;
        });
    }

    @Override
    public void put(long hpa) {
        counts.merge(Regions.hpaOf(hpa), -1, (count, minusOne) -> {
            if (count == 1) {
                backend.removeAndFree(Regions.hpaOf(hpa));
                return null;
            }
            return count - 1;
        });
    }

    @Override
    public void close() {}
}
