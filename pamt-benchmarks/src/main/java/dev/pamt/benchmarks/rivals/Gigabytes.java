package dev.pamt.benchmarks.rivals;

/**
 * The way from any address to its count, as this library takes it: an array by the number of the gigabyte leads to an array of
 * the counts of that gigabyte. One comparison checks the bound and the alignment, and neighbours are 32 places apart.
 */
final class Gigabytes {
    static final int REGIONS = 512;
    /** Places left free on either side of the counts, a cache line of ints. */
    static final int MARGIN = 16;

    private static final int SHIFT = 30;
    private static final int PAGE_SHIFT = 12;

    private Gigabytes() {}

    /** How many gigabytes an array needs. */
    static int below(Regions regions) {
        return (int) ((regions.endHpa() + (1L << SHIFT) - 1) >>> SHIFT);
    }

    /** The number of the gigabyte of a page; larger than any array if the address is misaligned. */
    static long number(long hpa) {
        return Long.rotateRight(hpa, PAGE_SHIFT) >>> (SHIFT - PAGE_SHIFT);
    }

    static int slot(long hpa) {
        int index = (int) (hpa >>> 21) & (REGIONS - 1);
        return MARGIN + (((index << 5) | (index >>> 4)) & (REGIONS - 1));
    }

    static IllegalArgumentException absent(long hpa) {
        return new IllegalArgumentException(String.format("no region has page 0x%x", hpa));
    }
}
