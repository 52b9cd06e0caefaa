package dev.pamt.api;

import java.io.Serial;

/** An address in a chunk that page pairs are cut from: no page of it can be in TDX use. */
public final class DonorRegionException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long hpa;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public DonorRegionException(long hpa) {
        super(String.format(
                "0x%x lies in a 2M chunk that the library cuts page pairs from; only pages that the host's allocator has given to the caller can be used",
                hpa));
        this.hpa = hpa;
    }

    /**
     * Tells the address.
     *
     * @return the address
     */
    public long hpa() {
        return hpa;
    }
}
