package dev.pamt.api;

import java.io.Serial;

/** A {@link PamtException} that is about one address, which its message names. */
public abstract class PamtAddressException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long hpa;

    PamtAddressException(long hpa, String message) {
        super(message);
        this.hpa = hpa;
    }

    /**
     * Returns the address that the caller named.
     *
     * @return a host physical address
     */
    public final long hpa() {
        return hpa;
    }
}
