package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import java.util.concurrent.atomic.AtomicInteger;

/** A host without 2M chunks, whose pages lie in the region that the calling thread has named. */
final class DonorPages implements PageAllocator {
    private static final int FIRST_PAGE = 256;
    private static final int PAGES = 256;

    private final ThreadLocal<Long> donorHpa = new ThreadLocal<>();
    private final AtomicInteger next = new AtomicInteger();

    void donateFrom(long regionHpa) {
        donorHpa.set(regionHpa);
    }

    /** Pages of the upper half of the donor, in turn: few of its pages are out at a time. */
    @Override
    public long allocPage() {
        return donorHpa.get() + (FIRST_PAGE + (next.getAndIncrement() & (PAGES - 1))) * PAGE_BYTES;
    }

    @Override
    public void freePage(long hpa) {}
}
