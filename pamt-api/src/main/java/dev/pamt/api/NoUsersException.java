package dev.pamt.api;

import java.io.Serial;

/** A put on a region that has not that many users: it was put more often than it was gotten. */
public final class NoUsersException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int pages;
    private final RegionState state;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param pages the number of references that the put would drop
     * @param state the state of the region
     */
    public NoUsersException(long hpa, int pages, RegionState state) {
        super(
                hpa,
                String.format(
                        "put of %d at 0x%x without a matching get: the region is %s; a put drops only what a get has taken",
                        pages, hpa, state));
        this.pages = pages;
        this.state = state;
    }

    /**
     * Returns the number of references that the put would drop.
     *
     * @return the number of references that the put would drop
     */
    public int pages() {
        return pages;
    }

    /**
     * Returns the state of the region.
     *
     * @return the state of the region
     */
    public RegionState state() {
        return state;
    }
}
