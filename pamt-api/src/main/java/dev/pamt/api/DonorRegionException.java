package dev.pamt.api;

import java.io.Serial;

/** An address in a chunk that page pairs are cut from: no page of it can be in TDX use. */
public final class DonorRegionException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public DonorRegionException(long hpa) {
        super(
                hpa,
                String.format(
                        "0x%x lies in a 2M chunk that the library cuts page pairs from; only pages that the host's allocator has given to the caller can be used",
                        hpa));
    }
}
