package dev.pamt.lab.measure;

/**
 * A mapping of a process and its sums, as {@code /proc/PID/smaps} has them.
 *
 * @param startPage the first page, an address divided by 4096
 * @param endPage the page behind the last one
 * @param residentPages 4K pages in memory, without hugetlb pages, the zero page and devices
 * @param swappedPages 4K pages that are swapped out
 * @param thpPages 4K pages in transparent huge pages that are mapped as a whole
 * @param hugetlbPages 4K pages in hugetlb pages
 * @param pageBytes the size of its pages: 4K, or that of its hugetlb pages
 */
record Mapping(
        long startPage,
        long endPage,
        long residentPages,
        long swappedPages,
        long thpPages,
        long hugetlbPages,
        long pageBytes) {
    /** The pages that have something in them, at the time when the sums were made. */
    long occupiedPages() {
        return residentPages + swappedPages + hugetlbPages;
    }

    long pages() {
        return endPage - startPage;
    }

    boolean isHugetlb() {
        return pageBytes > 1L << Pages.SHIFT;
    }
}
