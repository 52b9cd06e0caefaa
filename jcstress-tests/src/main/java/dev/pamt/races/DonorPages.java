package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** A host without 2M chunks, whose pages lie in the region that the calling thread has named, and which counts them. */
final class DonorPages implements PageAllocator {
    private static final int FIRST_PAGE = 256;
    private static final int PAGES = 256;

    private final ThreadLocal<Long> donorHpa = new ThreadLocal<>();
    private final long firstHpa;
    private final AtomicIntegerArray next;
    private final AtomicIntegerArray out;

    DonorPages(long firstHpa, int regions) {
        this.firstHpa = firstHpa;
        this.next = new AtomicIntegerArray(regions);
        this.out = new AtomicIntegerArray(regions);
    }

    void donateFrom(long regionHpa) {
        donorHpa.set(regionHpa);
    }

    /** The pages of a region that are out: below 0 if one has come back twice. */
    int pagesOut(long regionHpa) {
        return out.get(indexOf(regionHpa));
    }

    /** Pages of the upper half of the donor, in turn: few of its pages are out at a time. */
    @Override
    public long allocPage() {
        int region = indexOf(donorHpa.get());
        out.getAndIncrement(region);
        return donorHpa.get() + (FIRST_PAGE + (next.getAndIncrement(region) & (PAGES - 1))) * PAGE_BYTES;
    }

    @Override
    public void freePage(long hpa) {
        out.getAndDecrement(indexOf(hpa));
    }

    private int indexOf(long hpa) {
        return (int) ((hpa - firstHpa) / CHUNK_BYTES);
    }
}
