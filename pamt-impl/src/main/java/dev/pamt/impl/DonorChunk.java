package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A 2M chunk that page pairs are cut from: which pairs are free in it, and which region holds each of the others.
 *
 * <p>The free pairs and the links are guarded by the supply's mutex. A holder is written under the lock of its region, and by
 * compare-and-set, so that one thread gets a pair even if a lock strategy lets two into a region at once. 4 bytes a pair:
 * 0.05 % of the chunk.
 */
final class DonorChunk {
    static final int PAIRS = (int) (PageAllocator.CHUNK_BYTES / PagePair.BYTES);

    private static final int NO_REGION = 0;
    private static final int LOST = -1;

    final long hpa;
    /** For the release of the chunk's region, which must not need memory. */
    final Transition transition;

    private final long[] free = new long[PAIRS / Long.SIZE];
    private final AtomicIntegerArray holders = new AtomicIntegerArray(PAIRS);
    private int freePairs = PAIRS;
    private int lostPairs;

    /** The next and the previous chunk with as many free pairs. */
    DonorChunk next;

    DonorChunk previous;

    DonorChunk(long hpa, Transition transition) {
        this.hpa = hpa;
        this.transition = transition;
        Arrays.fill(free, -1L);
    }

    int freePairs() {
        return freePairs;
    }

    boolean isWhole() {
        return freePairs == PAIRS;
    }

    /** Returns how many pairs are neither free nor lost: with regions, caches, slots and calls under way. */
    int pairsOut() {
        return PAIRS - freePairs - lostPairs;
    }

    /** Returns the address of a free pair, which stays free; there is one. */
    long firstFreeHpa() {
        int word = 0;
        while (free[word] == 0) {
            word++;
        }
        return hpa + (word * Long.SIZE + Long.numberOfTrailingZeros(free[word])) * PagePair.BYTES;
    }

    void take(long pairHpa) {
        int index = indexOf(pairHpa);
        free[index / Long.SIZE] &= ~(1L << index);
        freePairs--;
    }

    void putBack(long pairHpa) {
        int index = indexOf(pairHpa);
        free[index / Long.SIZE] |= 1L << index;
        freePairs++;
    }

    /** Notes that a region is given a pair. */
    void setHolder(long pairHpa, long region) {
        // Opaque: it is read under the same region's lock, which orders it.
        holders.setOpaque(indexOf(pairHpa), holderOf(region));
    }

    /** Notes that a region holds a pair no longer; false if it did not. */
    boolean clearHolder(long pairHpa, long region) {
        return holders.compareAndSet(indexOf(pairHpa), holderOf(region), NO_REGION);
    }

    boolean isHeldBy(long region) {
        int holder = holderOf(region);
        boolean held = false;
        for (int index = 0; index < PAIRS && !held; index++) {
            held = holders.get(index) == holder;
        }
        return held;
    }

    /** Gives up the pair that a region holds; false if it holds none of this chunk. Called under the supply's mutex. */
    boolean lose(long region) {
        int holder = holderOf(region);
        for (int index = 0; index < PAIRS; index++) {
            if (holders.get(index) == holder && holders.compareAndSet(index, holder, LOST)) {
                lostPairs++;
                return true;
            }
        }
        return false;
    }

    /** Gives up a pair that no region holds. Called under the supply's mutex. */
    void losePair(long pairHpa) {
        holders.set(indexOf(pairHpa), LOST);
        lostPairs++;
    }

    /** Gives up every pair that a region holds; returns how many. Called under the supply's mutex. */
    int loseAll() {
        int lost = 0;
        for (int index = 0; index < PAIRS; index++) {
            int holder = holders.get(index);
            if (holder != NO_REGION && holder != LOST && holders.compareAndSet(index, holder, LOST)) {
                lost++;
            }
        }
        lostPairs += lost;
        return lost;
    }

    private int indexOf(long pairHpa) {
        return (int) ((pairHpa - hpa) / PagePair.BYTES);
    }

    /** A region's number has 31 bits at most, so no region is taken for one of the two marks. */
    private static int holderOf(long region) {
        return (int) (region + 1);
    }
}
