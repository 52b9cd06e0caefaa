package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * What was merged into Linux: each get takes two pages first and one lock for all, each put takes
 * the lock.
 */
final class AlwaysLock implements RegionCounts {
    private final PairBackend backend;
    private final long first;
    private final AtomicIntegerArray counts;
    private final SpinLock lock = new SpinLock();

    AlwaysLock(TdxHost host, long first, int regions) {
        backend = new PairBackend(host);
        this.first = first;
        counts = new AtomicIntegerArray(regions);
    }

    @Override
    public void get(long hpa) {
        long page0 = backend.allocPage();
        long page1 = backend.allocPage();
        int region = Rivals.index(hpa, first);
        lock.lock();
        boolean needed = counts.get(region) == 0;
        if (needed) {
            backend.add(Rivals.regionHpa(hpa), page0, page1);
        }
        counts.incrementAndGet(region);
        lock.unlock();
        if (!needed) {
            backend.freePage(page0);
            backend.freePage(page1);
        }
    }

    @Override
    public void put(long hpa) {
        int region = Rivals.index(hpa, first);
        SeamcallRegisters pair = null;
        lock.lock();
        if (counts.get(region) == 1) {
            pair = backend.remove(Rivals.regionHpa(hpa));
        }
        counts.decrementAndGet(region);
        lock.unlock();
        if (pair != null) {
            backend.freePage(pair.rdx);
            backend.freePage(pair.r8);
        }
    }

    @Override
    public void close() {}
}
