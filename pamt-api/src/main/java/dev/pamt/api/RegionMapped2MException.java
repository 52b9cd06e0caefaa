package dev.pamt.api;

import java.io.Serial;

/** A region that is mapped as one 2M page, and so must not have a page pair. */
public final class RegionMapped2MException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public RegionMapped2MException(long hpa) {
        super(
                hpa,
                String.format(
                        "the region of 0x%x is mapped as one 2M page and must have no page pair; demote or unmap it first",
                        hpa));
    }
}
