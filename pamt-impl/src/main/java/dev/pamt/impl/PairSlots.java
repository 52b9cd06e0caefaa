package dev.pamt.impl;

import dev.pamt.impl.host.Hashing;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Sixteen slots for one pair each, chosen by the region that a pair is for, so that regions which go back and forth do not meet
 * in one place. A pair is its first page's address: a long is stored without a barrier of the garbage collector.
 *
 * <p>Lock-free, 128 bytes apart.
 */
final class PairSlots {
    /** What {@link #takeAny} returns for a slot without a pair. */
    static final long NONE = -1;

    static final int SLOTS = 16;
    /** Longs between two slots: 128 bytes. The first slot is as far from the array's length. */
    private static final int STRIDE = 16;
    /** What is in a slot without a pair; one that has a pair holds an odd number, since a pair may lie at address 0. */
    private static final long VACANT = 0;

    private static final long OCCUPIED = 1;

    private final AtomicLongArray slots = new AtomicLongArray((SLOTS + 1) * STRIDE);

    /** Takes the pair that waits for a region; null if there is none, or another thread is faster. */
    PagePair take(long hpa) {
        int slot = slotOf(hpa);
        long content = slots.get(slot);
        if (content == VACANT) {
            return null;
        }
        PagePair pair = PagePair.ofChunk(content - OCCUPIED);
        return slots.compareAndSet(slot, content, VACANT) ? pair : null;
    }

    /** Puts a pair where its region finds it; false if that slot has one. */
    boolean put(long hpa, long pairHpa) {
        int slot = slotOf(hpa);
        return slots.get(slot) == VACANT && slots.compareAndSet(slot, VACANT, pairHpa + OCCUPIED);
    }

    /** Takes a pair out again that was put there; false if another thread has taken it. */
    boolean takeOut(long hpa, long pairHpa) {
        return slots.compareAndSet(slotOf(hpa), pairHpa + OCCUPIED, VACANT);
    }

    /** Takes the pair of a slot by its number, 0 to 15; {@link #NONE} if it has none. */
    long takeAny(int number) {
        int slot = (1 + number) * STRIDE;
        long content = slots.get(slot) == VACANT ? VACANT : slots.getAndSet(slot, VACANT);
        return content == VACANT ? NONE : content - OCCUPIED;
    }

    /** Returns how many pairs wait. */
    long pairs() {
        long pairs = 0;
        for (int number = 0; number < SLOTS; number++) {
            pairs += slots.get((1 + number) * STRIDE) == VACANT ? 0 : 1;
        }
        return pairs;
    }

    private static int slotOf(long hpa) {
        return (1 + ((int) Hashing.spread(RegionTable.regionOf(hpa)) & (SLOTS - 1))) * STRIDE;
    }
}
