package dev.pamt.lab.measure;

/**
 * How a process uses its address space, as far as that can be known without physical addresses.
 *
 * <p>Immutable and thread-safe.
 *
 * @param smallPages 4K pages that are not part of a huge page
 * @param thpPages 4K pages in transparent huge pages
 * @param hugetlbPages 4K pages in hugetlb pages
 * @param smallBlocks 2M blocks of addresses with at least one 4K page
 * @param swappedPages 4K pages that are swapped out
 * @param leftOutPages 4K pages that are mapped and no memory of the process: the zero page, devices
 */
public record AddressUse(
        long smallPages, long thpPages, long hugetlbPages, long smallBlocks, long swappedPages, long leftOutPages) {
    /**
     * All pages.
     *
     * @return 4K pages
     */
    public long totalPages() {
        return smallPages + thpPages + hugetlbPages;
    }

    /**
     * The page pairs if the 4K pages lay in as few regions as possible.
     *
     * @return pairs
     */
    public long fewestPairs() {
        return (smallPages + Pages.PER_REGION - 1) / Pages.PER_REGION;
    }

    /**
     * The page pairs if each 4K page lay in a region of its own.
     *
     * @param ramPages the RAM of the machine, which has no more regions than that; 0 if it is not known
     * @return pairs
     */
    public long mostPairs(long ramPages) {
        return ramPages == 0 ? smallPages : Math.min(smallPages, ramPages / Pages.PER_REGION);
    }
}
