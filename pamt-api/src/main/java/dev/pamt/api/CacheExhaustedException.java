package dev.pamt.api;

import java.io.Serial;

/** A cache that had to supply a page pair was empty: it was topped up with less than the worst case. */
public final class CacheExhaustedException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public CacheExhaustedException(long hpa) {
        super(
                hpa,
                String.format(
                        "the cache has no page pair left for the region of 0x%x; top it up with the worst case before the lock (a fault needs at most %d pairs, a split %d)",
                        hpa, PamtPageCache.FAULT_PAIRS, PamtPageCache.SPLIT_PAIRS));
    }
}
