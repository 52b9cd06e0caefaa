package dev.pamt.lab.storm;

import dev.pamt.api.PamtStats;

/**
 * What a storm has shown.
 *
 * <p>Immutable and thread-safe.
 *
 * @param strategy the name of the lock strategy
 * @param guestPages 4K pages that the TDs have faulted
 * @param faultNanos how long they took until the last one had faulted all its memory
 * @param shutdownNanos how long they took until the last one had given all its pages back
 * @param cpuNanos processor time of the vCPUs' threads, from the first fault to the last page that was given back; 0 if this JVM
 *     does not measure it
 * @param stats what the manager has done, before it was closed
 * @param calls what the module was asked, and what came of it
 * @param leakedPairs page pairs that were installed after every page had been put
 * @param leakedPages pages that the host had not got back after the manager was closed
 * @param failure the first call that failed; empty if none did
 */
public record StormResult(
        String strategy,
        long guestPages,
        long faultNanos,
        long shutdownNanos,
        long cpuNanos,
        PamtStats stats,
        StormCalls calls,
        long leakedPairs,
        long leakedPages,
        String failure) {
    /**
     * How fast memory was faulted.
     *
     * @return pages per second, of all TDs together
     */
    public long faultPagesPerSecond() {
        return perSecond(faultNanos);
    }

    /**
     * How fast pages were given back.
     *
     * @return pages per second, of all TDs together
     */
    public long shutdownPagesPerSecond() {
        return perSecond(shutdownNanos);
    }

    /**
     * What a page costs from its fault to its return.
     *
     * @return nanoseconds of processor time for each guest page
     */
    public double cpuNanosPerPage() {
        return (double) cpuNanos / guestPages;
    }

    /**
     * What should have come back and has not.
     *
     * @return pairs and pages
     */
    public long leaks() {
        return leakedPairs + leakedPages;
    }

    /**
     * Whether something is wrong.
     *
     * @return true for a leak and for a call that failed
     */
    public boolean isFinding() {
        return leaks() != 0 || !failure.isEmpty();
    }

    private long perSecond(long nanos) {
        return nanos == 0 ? 0 : Math.round(guestPages * 1e9 / nanos);
    }
}
