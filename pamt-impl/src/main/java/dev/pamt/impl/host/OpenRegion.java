package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;

/** A 2M region that pages are handed out from. Guarded by the stripe that has opened it. */
final class OpenRegion {
    /** Pages of a region. */
    static final int PAGES = 1 << 9;

    /** Stands for a region that is handed out as a whole. */
    static final OpenRegion CHUNK = new OpenRegion(PageAllocator.NONE, null, null);

    final long hpa;
    final Stripe stripe;
    private final long[] present;
    private final long[] free = new long[PAGES / Long.SIZE];
    private final int pages;
    private int freePages;

    /** The neighbours in the stripe's list. */
    OpenRegion previous;

    OpenRegion next;

    /** Makes a region; present has the bits of the pages that are memory, null for all. */
    OpenRegion(long hpa, Stripe stripe, long[] present) {
        this.hpa = hpa;
        this.stripe = stripe;
        this.present = present;
        int memoryPages = 0;
        for (int word = 0; word < free.length; word++) {
            free[word] = present == null ? -1L : present[word];
            memoryPages += Long.bitCount(free[word]);
        }
        pages = memoryPages;
        freePages = memoryPages;
    }

    static int word(long hpa) {
        return (int) (hpa >> 18) & 7;
    }

    static long bit(long hpa) {
        return 1L << (hpa >> 12);
    }

    boolean isWhole() {
        return present == null;
    }

    int freePages() {
        return freePages;
    }

    boolean isAllFree() {
        return freePages == pages;
    }

    boolean isAllocated(long pageHpa) {
        int word = word(pageHpa);
        long bit = bit(pageHpa);
        return (free[word] & bit) == 0 && (present == null || (present[word] & bit) != 0);
    }

    long takePage() {
        int word = 0;
        while (free[word] == 0) {
            word++;
        }
        int page = Long.numberOfTrailingZeros(free[word]);
        free[word] &= free[word] - 1;
        freePages--;
        return hpa + ((long) word * Long.SIZE + page) * PageAllocator.PAGE_BYTES;
    }

    void putPage(long pageHpa) {
        free[word(pageHpa)] |= bit(pageHpa);
        freePages++;
    }
}
