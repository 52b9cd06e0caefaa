package dev.pamt.lab.measure;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;

/** Sizes of pages and regions, as shifts and counts. */
final class Pages {
    /** Bits of an address inside a 4K page. */
    static final int SHIFT = 12;

    /** Bits of a page number inside a 2M region. */
    static final int REGION_SHIFT = 9;

    /** 4K pages of a 2M region. */
    static final int PER_REGION = 1 << REGION_SHIFT;

    /** 4K pages of a gigabyte. */
    static final long PER_GIGABYTE = 1L << 18;

    /** Linux keeps the first MiB from everything, TDX included. */
    static final long FIRST = 1L << (20 - SHIFT);

    /** No physical address has more than 52 bits. */
    static final long END = 1L << (PhysicalRange.ADDRESS_BITS - SHIFT);

    private Pages() {}

    static long bytes(long pages) {
        return pages * PageAllocator.PAGE_BYTES;
    }

    static long ofKib(long kib) {
        return kib / (PageAllocator.PAGE_BYTES >> 10);
    }

    static long regionOf(long page) {
        return page >> REGION_SHIFT;
    }

    static int indexOf(long page) {
        return (int) (page & (PER_REGION - 1));
    }
}
