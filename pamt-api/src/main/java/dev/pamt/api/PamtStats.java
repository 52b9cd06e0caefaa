package dev.pamt.api;

/**
 * What a manager has done so far. Gets and puts of a backed region are not counted: they cost nothing extra.
 *
 * <p>Immutable and thread-safe. The numbers are read one after another; they fit together exactly when nobody is inside a
 * call.
 *
 * @param adds TDH.PHYMEM.PAMT.ADD that succeeded
 * @param addFailures ADDs that failed for good
 * @param removes TDH.PHYMEM.PAMT.REMOVE that succeeded; not those that settled a region of which no pair was known
 * @param removeFailures REMOVEs that failed; the region stays idle and is tried again
 * @param demotes splits of 2M pages that succeeded; each installs a pair
 * @param promotes merges to 2M pages that succeeded; each gives a pair back
 * @param lostRaces gets that had a pair ready and found the region backed by another thread
 * @param busy SEAMCALLs of a transition that answered TDX_OPERAND_BUSY at the first try
 * @param busyAgain of those, the ones that were busy even at the exclusive try
 * @param acquisitions locks taken
 * @param contendedTrue locks that were held by a transition of the same region
 * @param contendedFalse locks that were held by a transition of another region
 * @param waitNanos nanoseconds spent waiting for locks
 * @param installedPairs pairs that are installed in the module now
 * @param peakPairs the most pairs that were installed at one time
 * @param retryRegions regions that wait for another REMOVE: the last one failed, or the state of the region is unknown
 * @param lostPairs pairs that no one can be given again: a SEAMCALL with them got no answer, the module gave other pages
 *     back than the region held or said that it held none, or a page could not be scrubbed
 * @param sparePairs pairs that lie ready outside the module: in chunks, not in caches
 * @param cachedPairs pairs in caches and reservations
 * @param donorChunks 2M chunks that pairs are cut from
 * @param allocatedPages pages that allocPage has given out and freePage has not taken back
 * @param setAsidePairs pairs that the module has refused to take; they are tried again after {@link PamtManager#trim}
 * @param strandedPages 4K pages that belong to the host and are not back with its allocator: its freePage or freeChunk
 *     failed, or they could not be scrubbed; pages of lost pairs are not counted here
 */
public record PamtStats(
        long adds,
        long addFailures,
        long removes,
        long removeFailures,
        long demotes,
        long promotes,
        long lostRaces,
        long busy,
        long busyAgain,
        long acquisitions,
        long contendedTrue,
        long contendedFalse,
        long waitNanos,
        long installedPairs,
        long peakPairs,
        long retryRegions,
        long lostPairs,
        long sparePairs,
        long cachedPairs,
        long donorChunks,
        long allocatedPages,
        long setAsidePairs,
        long strandedPages) {
    /** Bytes of a page pair. */
    public static final long PAIR_BYTES = 2 * PageAllocator.PAGE_BYTES;

    /**
     * The most memory that was installed as page pairs at one time.
     *
     * @return bytes
     */
    public long peakBytes() {
        return peakPairs * PAIR_BYTES;
    }

    /**
     * The memory that is installed as page pairs now.
     *
     * @return bytes
     */
    public long installedBytes() {
        return installedPairs * PAIR_BYTES;
    }

    /**
     * Locks that had to be waited for.
     *
     * @return the true and the false ones together
     */
    public long contended() {
        return contendedTrue + contendedFalse;
    }
}
