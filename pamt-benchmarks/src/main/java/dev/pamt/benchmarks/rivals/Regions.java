package dev.pamt.benchmarks.rivals;

import dev.pamt.api.PageAllocator;

/**
 * The regions of a benchmark, in a row.
 *
 * @param firstHpa the address of the first one
 * @param count how many there are
 */
public record Regions(long firstHpa, int count) {
    /** The region of an address. */
    static long hpaOf(long hpa) {
        return hpa & -PageAllocator.CHUNK_BYTES;
    }

    /** The number of a region among those of the benchmark. */
    int index(long hpa) {
        return (int) ((hpa - firstHpa) >>> 21);
    }

    long endHpa() {
        return firstHpa + count * PageAllocator.CHUNK_BYTES;
    }
}
