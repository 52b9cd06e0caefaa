package dev.pamt.api;

import java.io.Serial;

/** A cache that had to supply a page pair was empty: it was topped up with less than the worst case. */
public final class CacheExhaustedException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long hpa;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public CacheExhaustedException(long hpa) {
        super(String.format(
                "the cache has no page pair left for the region of 0x%x; top it up with the worst case before the lock (a fault needs at most %d pairs, a split %d)",
                hpa, PamtPageCache.FAULT_PAIRS, PamtPageCache.SPLIT_PAIRS));
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
