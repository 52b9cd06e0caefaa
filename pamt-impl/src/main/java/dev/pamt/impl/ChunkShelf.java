package dev.pamt.impl;

/**
 * The donor chunks that have free pairs, by how many they have. Every step takes a few instructions and allocates nothing, so
 * that a chunk is never half off the shelf.
 *
 * <p>Guarded by the supply's mutex.
 */
final class ChunkShelf {
    private final DonorChunk[] byFreePairs = new DonorChunk[DonorChunk.PAIRS + 1];
    /** A bit for each number of free pairs of which there are chunks. */
    private final long[] present = new long[DonorChunk.PAIRS / Long.SIZE + 1];

    private long freePairs;

    void add(DonorChunk chunk) {
        int free = chunk.freePairs();
        if (free == 0) {
            return;
        }
        chunk.previous = null;
        chunk.next = byFreePairs[free];
        if (chunk.next != null) {
            chunk.next.previous = chunk;
        }
        byFreePairs[free] = chunk;
        present[free / Long.SIZE] |= 1L << free;
        freePairs += free;
    }

    /** Takes a chunk off the shelf, before the number of its free pairs changes. */
    void remove(DonorChunk chunk) {
        int free = chunk.freePairs();
        if (free == 0) {
            return;
        }
        if (chunk.previous == null) {
            byFreePairs[free] = chunk.next;
        } else {
            chunk.previous.next = chunk.next;
        }
        if (chunk.next != null) {
            chunk.next.previous = chunk.previous;
        }
        chunk.next = null;
        chunk.previous = null;
        if (byFreePairs[free] == null) {
            present[free / Long.SIZE] &= ~(1L << free);
        }
        freePairs -= free;
    }

    /** Returns the chunk with the fewest free pairs, so that the others have a chance to become whole; null if there is none. */
    DonorChunk fullest() {
        for (int word = 0; word < present.length; word++) {
            if (present[word] != 0) {
                return byFreePairs[word * Long.SIZE + Long.numberOfTrailingZeros(present[word])];
            }
        }
        return null;
    }

    /** Returns a chunk all of whose pairs are free; null if there is none. */
    DonorChunk whole() {
        return byFreePairs[DonorChunk.PAIRS];
    }

    /** Returns how many pairs are free in all chunks. */
    long freePairs() {
        return freePairs;
    }
}
