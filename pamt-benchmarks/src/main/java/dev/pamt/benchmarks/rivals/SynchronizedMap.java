package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import java.util.HashMap;
import java.util.Map;

/** A map behind one monitor. */
final class SynchronizedMap implements RegionCounts {
    private final PairBackend backend;
    private final Map<Long, Integer> counts = new HashMap<>();

    SynchronizedMap(TdxHost host) {
        backend = new PairBackend(host);
    }

    @Override
    public synchronized void get(long hpa) {
        Integer count = counts.get(Regions.hpaOf(hpa));
        if (count == null) {
            backend.addFresh(Regions.hpaOf(hpa));
        }
        counts.put(Regions.hpaOf(hpa), count == null ? 1 : count + 1);
    }

    @Override
    public synchronized void put(long hpa) {
        int count = counts.get(Regions.hpaOf(hpa));
        if (count == 1) {
            backend.removeAndFree(Regions.hpaOf(hpa));
            counts.remove(Regions.hpaOf(hpa));
        } else {
            counts.put(Regions.hpaOf(hpa), count - 1);
        }
    }

    @Override
    public void close() {}
}
