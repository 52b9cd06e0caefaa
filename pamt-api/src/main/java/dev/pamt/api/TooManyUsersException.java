package dev.pamt.api;

import java.io.Serial;

/** A get that would give a region more users than it has pages. */
public final class TooManyUsersException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int pages;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param pages the number of references that the get would take
     */
    public TooManyUsersException(long hpa, int pages) {
        super(
                hpa,
                String.format(
                        "get of %d at 0x%x would give the region more than 512 users; a 2M region has 512 pages",
                        pages, hpa));
        this.pages = pages;
    }

    /**
     * Returns the number of references that the get would take.
     *
     * @return the number of references that the get would take
     */
    public int pages() {
        return pages;
    }
}
