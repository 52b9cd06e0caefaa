package dev.pamt.api;

import java.io.Serial;

/**
 * The module has refused a page pair for a region that holds none of this manager, because a page pair or a large page is
 * there already (TDX_HPA_RANGE_NOT_FREE). Other software uses the region.
 *
 * <p>State left: as before the call. The region is empty in this manager, and the pair that was to be installed is back.
 */
public final class ForeignPagePairException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa an address in the region
     */
    public ForeignPagePairException(long hpa) {
        super(
                hpa,
                String.format(
                        "the module holds a page pair or a large page in the region of 0x%x that this manager has not installed;"
                                + " a host has one manager, and its regions no other user",
                        hpa));
    }
}
