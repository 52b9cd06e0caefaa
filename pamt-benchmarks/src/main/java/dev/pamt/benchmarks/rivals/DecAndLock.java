package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The optimised version that was left out: increment if not zero; decrement, and lock for the last. */
final class DecAndLock implements RegionCounts {
    private final PairBackend backend;
    private final long first;
    private final AtomicIntegerArray counts;
    private final SpinLock lock = new SpinLock();

    DecAndLock(TdxHost host, long first, int regions) {
        backend = new PairBackend(host);
        this.first = first;
        counts = new AtomicIntegerArray(regions);
    }

    @Override
    public void get(long hpa) {
        int region = Rivals.index(hpa, first);
        if (incrementUnlessZero(region)) {
            return;
        }
        long page0 = backend.allocPage();
        long page1 = backend.allocPage();
        lock.lock();
        boolean needed = !incrementUnlessZero(region);
        if (needed) {
            backend.add(Rivals.regionHpa(hpa), page0, page1);
            counts.set(region, 1);
        }
        lock.unlock();
        if (!needed) {
            backend.freePage(page0);
            backend.freePage(page1);
        }
    }

    @Override
    public void put(long hpa) {
        int region = Rivals.index(hpa, first);
        for (int seen = counts.get(region); seen != 1; seen = counts.get(region)) {
            if (counts.compareAndSet(region, seen, seen - 1)) {
                return;
            }
        }
        SeamcallRegisters pair = null;
        lock.lock();
        if (counts.decrementAndGet(region) == 0) {
            pair = backend.remove(Rivals.regionHpa(hpa));
        }
        lock.unlock();
        if (pair != null) {
            backend.freePage(pair.rdx);
            backend.freePage(pair.r8);
        }
    }

    private boolean incrementUnlessZero(int region) {
        for (int seen = counts.get(region); seen != 0; seen = counts.get(region)) {
            if (counts.compareAndSet(region, seen, seen + 1)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {}
}
