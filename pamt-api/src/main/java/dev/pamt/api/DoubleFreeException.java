package dev.pamt.api;

import java.io.Serial;

/** A page given to freePage that allocPage has not given out, or that was freed before. */
public final class DoubleFreeException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public DoubleFreeException(long hpa) {
        super(
                hpa,
                String.format("page 0x%x is not allocated: it was freed before, or did not come from allocPage", hpa));
    }
}
