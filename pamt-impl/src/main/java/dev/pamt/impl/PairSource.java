package dev.pamt.impl;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.OutOfPagesException;

/** Where a page pair comes from, and goes back to if it was not needed. */
interface PairSource extends PairHome {
    /** Stands for the address where a pair is taken for no region in particular. */
    long NO_REGION = -1L;

    /**
     * Takes a pair.
     *
     * @param hpa an address in the region that the pair is for, for the message; or {@link #NO_REGION}
     * @throws OutOfPagesException if the host has no memory
     * @throws CacheExhaustedException if the source is a cache and it is empty
     */
    PagePair take(long hpa);
}
