package dev.pamt.impl;

import dev.pamt.api.MisalignedAddressException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.RangeCrossesRegionException;

/** What every call checks of its arguments, in either kind of manager. */
final class Arguments {
    private static final int PAGE_SHIFT = 12;

    private Arguments() {}

    static void requirePage(long hpa) {
        if ((hpa & (PageAllocator.PAGE_BYTES - 1)) != 0) {
            throw new MisalignedAddressException(hpa, PageAllocator.PAGE_BYTES);
        }
    }

    static void requireRegion(long hpa) {
        if ((hpa & (PageAllocator.CHUNK_BYTES - 1)) != 0) {
            throw new MisalignedAddressException(hpa, PageAllocator.CHUNK_BYTES);
        }
    }

    static void requireRange(long hpa, int pages) {
        requirePage(hpa);
        int index = (int) (hpa >>> PAGE_SHIFT) & (RegionWord.MAX_USERS - 1);
        if (pages < 1 || pages > RegionWord.MAX_USERS - index) {
            throw new RangeCrossesRegionException(hpa, pages);
        }
    }
}
