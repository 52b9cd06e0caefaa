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
        Integer count = counts.get(Rivals.regionHpa(hpa));
        if (count == null) {
            backend.addFresh(Rivals.regionHpa(hpa));
        }
        counts.put(Rivals.regionHpa(hpa), count == null ? 1 : count + 1);
    }

    @Override
    public synchronized void put(long hpa) {
        int count = counts.get(Rivals.regionHpa(hpa));
        if (count == 1) {
            backend.removeAndFree(Rivals.regionHpa(hpa));
            counts.remove(Rivals.regionHpa(hpa));
        } else {
            counts.put(Rivals.regionHpa(hpa), count - 1);
        }
    }

    @Override
    public void close() {}
}
