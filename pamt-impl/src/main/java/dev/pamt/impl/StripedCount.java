package dev.pamt.impl;

import dev.pamt.impl.host.Hashing;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A sum that many threads change, in places 128 bytes apart.
 *
 * <p>A {@link java.util.concurrent.atomic.LongAdder} makes its places when it is first contended, and throws if there is no
 * memory for them. This one has its places from the start, so a count behind a commit point cannot fail.
 */
final class StripedCount {
    private static final int STRIPES = 8;
    /** Longs between two places. The first place is as far from the array's length. */
    private static final int STRIDE = 16;

    private final AtomicLongArray places = new AtomicLongArray((STRIPES + 1) * STRIDE);

    void add(long delta) {
        places.getAndAdd(placeOf(Thread.currentThread()), delta);
    }

    long sum() {
        long sum = 0;
        for (int stripe = 1; stripe <= STRIPES; stripe++) {
            sum += places.get(stripe * STRIDE);
        }
        return sum;
    }

    private static int placeOf(Thread thread) {
        return (1 + ((int) Hashing.spread(thread.getId()) & (STRIPES - 1))) * STRIDE;
    }
}
