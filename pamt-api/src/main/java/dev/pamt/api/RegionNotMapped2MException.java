package dev.pamt.api;

import java.io.Serial;

/** A region that is not mapped as one 2M page, although the call needs it to be. */
public final class RegionNotMapped2MException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long hpa;
    private final RegionState state;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param state the state of the region
     */
    public RegionNotMapped2MException(long hpa, RegionState state) {
        super(String.format("the region of 0x%x is not mapped as one 2M page but %s", hpa, state));
        this.hpa = hpa;
        this.state = state;
    }

    /**
     * Tells the address.
     *
     * @return the address
     */
    public long hpa() {
        return hpa;
    }

    /**
     * Tells the state of the region.
     *
     * @return the state of the region
     */
    public RegionState state() {
        return state;
    }
}
