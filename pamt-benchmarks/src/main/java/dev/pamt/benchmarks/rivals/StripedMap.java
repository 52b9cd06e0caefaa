package dev.pamt.benchmarks.rivals;

import com.google.common.util.concurrent.Striped;
import dev.pamt.api.TdxHost;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;

/** Guava's striped locks, and a concurrent map for the counts. */
final class StripedMap implements RegionCounts {
    private final PairBackend backend;
    private final Striped<Lock> locks = Striped.lock(64);
    private final ConcurrentHashMap<Long, Integer> counts = new ConcurrentHashMap<>();

    StripedMap(TdxHost host) {
        backend = new PairBackend(host);
    }

    @Override
    public void get(long hpa) {
        Long region = Regions.hpaOf(hpa);
        Lock lock = locks.get(region);
        lock.lock();
        try {
            Integer count = counts.get(region);
            if (count == null) {
                backend.addFresh(region);
            }
            counts.put(region, count == null ? 1 : count + 1);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void put(long hpa) {
        Long region = Regions.hpaOf(hpa);
        Lock lock = locks.get(region);
        lock.lock();
        try {
            int count = counts.get(region);
            if (count == 1) {
                backend.removeAndFree(region);
                counts.remove(region);
            } else {
                counts.put(region, count - 1);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {}
}
