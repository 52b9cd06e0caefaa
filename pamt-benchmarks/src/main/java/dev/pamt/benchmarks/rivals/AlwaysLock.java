package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;

/**
 * What was merged into Linux: each get takes two pages first and one lock for all, each put takes
 * the lock.
 */
final class AlwaysLock implements RegionCounts {
    private final PairBackend backend;
    private final Words counts;
    private final SpinLock lock = new SpinLock();

    AlwaysLock(TdxHost host, Words counts) {
        backend = new PairBackend(host);
        this.counts = counts;
    }

    @Override
    public void get(long hpa) {
        long page0 = backend.allocPage();
        long page1 = backend.allocPage();
        int[] words = counts.array(hpa);
        int slot = counts.slot(hpa);
        lock.lock();
        boolean needed = Words.lv(words, slot) == 0;
        if (needed) {
            backend.add(Regions.hpaOf(hpa), page0, page1);
        }
        Words.faa(words, slot, 1);
        lock.unlock();
        if (!needed) {
            backend.freePage(page0);
            backend.freePage(page1);
        }
    }

    @Override
    public void put(long hpa) {
        int[] words = counts.array(hpa);
        int slot = counts.slot(hpa);
        SeamcallRegisters pair = null;
        lock.lock();
        if (Words.lv(words, slot) == 1) {
            pair = backend.remove(Regions.hpaOf(hpa));
        }
        Words.faa(words, slot, -1);
        lock.unlock();
        if (pair != null) {
            backend.freePage(pair.rdx);
            backend.freePage(pair.r8);
        }
    }

    @Override
    public void close() {}
}
