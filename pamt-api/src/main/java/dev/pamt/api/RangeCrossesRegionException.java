package dev.pamt.api;

import java.io.Serial;

/** A range of pages that is empty, too long, or crosses the end of its 2M region. */
public final class RangeCrossesRegionException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int pages;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param pages the number of pages
     */
    public RangeCrossesRegionException(long hpa, int pages) {
        super(
                hpa,
                String.format(
                        "%d pages from 0x%x are not a range within one 2M region: a range has 1 to 512 pages and does not cross a multiple of 2 MiB",
                        pages, hpa));
        this.pages = pages;
    }

    /**
     * Returns the number of pages.
     *
     * @return the number of pages
     */
    public int pages() {
        return pages;
    }
}
