package dev.pamt.impl;

import dev.pamt.api.PageAllocator;

/**
 * Two pages that hold, or can hold, the PAMT_4K entries of a region.
 *
 * @param page0Hpa the page for 4K pages 0 to 255 of the region
 * @param page1Hpa the page for 4K pages 256 to 511
 * @param fromChunk whether both lie in a donor chunk of the supply, so that their regions need no lock
 */
record PagePair(long page0Hpa, long page1Hpa, boolean fromChunk) {
    static final long BYTES = 2 * PageAllocator.PAGE_BYTES;

    /** Returns a pair of a chunk. */
    static PagePair ofChunk(long pairHpa) {
        return new PagePair(pairHpa, pairHpa + PageAllocator.PAGE_BYTES, true);
    }

    @Override
    public String toString() {
        return String.format("(0x%x, 0x%x)", page0Hpa, page1Hpa);
    }
}
