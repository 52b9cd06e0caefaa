package dev.pamt.api;

import java.io.Serial;

/** A region that is not mapped as one 2M page, although the call needs it to be. */
public final class RegionNotMapped2MException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final RegionState state;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param state the state of the region
     */
    public RegionNotMapped2MException(long hpa, RegionState state) {
        super(hpa, String.format("the region of 0x%x is not mapped as one 2M page but %s", hpa, state));
        this.state = state;
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
