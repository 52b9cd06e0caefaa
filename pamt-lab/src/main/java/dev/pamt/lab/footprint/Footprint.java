package dev.pamt.lab.footprint;

/**
 * The page pairs of some TDs.
 *
 * <p>Immutable and thread-safe.
 *
 * @param tds how many TDs there are
 * @param shape what each of them is like
 * @param otherPages the pages of Secure EPTs and control structures of all TDs together
 * @param guestPairs the pairs of regions with guest memory
 * @param pairs all pairs, with those of the other pages where the host's allocator puts them
 * @param leftPairs the pairs that were still installed after the TDs had gone; anything but 0 is a bug
 */
public record Footprint(int tds, TdShape shape, long otherPages, long guestPairs, long pairs, long leftPairs) {
    /**
     * The pairs if each page of the Secure EPTs and control structures lies in a region of its own.
     *
     * @return pairs
     */
    public long mostPairs() {
        return guestPairs + otherPages;
    }

    /**
     * The memory of the TDs.
     *
     * @return 4K pages
     */
    public long memoryPages() {
        return tds * shape.pages();
    }
}
