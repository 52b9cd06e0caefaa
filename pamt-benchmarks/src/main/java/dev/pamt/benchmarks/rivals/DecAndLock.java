package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;

/** The optimised version that was left out: increment if not zero; decrement, and lock for the last. */
final class DecAndLock implements RegionCounts {
    private final PairBackend backend;
    private final Words counts;
    private final SpinLock lock = new SpinLock();

    DecAndLock(TdxHost host, Words counts) {
        backend = new PairBackend(host);
        this.counts = counts;
    }

    @Override
    public void get(long hpa) {
        int[] words = counts.array(hpa);
        int slot = counts.slot(hpa);
        if (incrementUnlessZero(words, slot)) {
            return;
        }
        long page0 = backend.allocPage();
        long page1 = backend.allocPage();
        lock.lock();
        boolean needed = !incrementUnlessZero(words, slot);
        if (needed) {
            backend.add(Regions.hpaOf(hpa), page0, page1);
            Words.sv(words, slot, 1);
        }
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
        for (int seen = Words.lv(words, slot); seen != 1; seen = Words.lv(words, slot)) {
            if (Words.cas(words, slot, seen, seen - 1)) {
                return;
            }
        }
        SeamcallRegisters pair = null;
        lock.lock();
        if (Words.faa(words, slot, -1) == 1) {
            pair = backend.remove(Regions.hpaOf(hpa));
        }
        lock.unlock();
        if (pair != null) {
            backend.freePage(pair.rdx);
            backend.freePage(pair.r8);
        }
    }

    private static boolean incrementUnlessZero(int[] words, int slot) {
        for (int seen = Words.lv(words, slot); seen != 0; seen = Words.lv(words, slot)) {
            if (Words.cas(words, slot, seen, seen + 1)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void close() {}
}
