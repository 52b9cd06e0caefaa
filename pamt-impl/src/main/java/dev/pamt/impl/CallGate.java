package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * Lets calls into the module side by side, or one alone.
 *
 * <p>Each call is counted when it begins, and somewhere else when it has ended; the module is empty when both counts are
 * the same. What counts the ends is the statistics, which are kept anyway, so a call pays for the gate with a single
 * addition. A read-write lock would take two atomic operations more for each call.
 *
 * <p><b>Why one is alone.</b> Whoever begins adds to the count and then looks whether the gate is closed; whoever wants to
 * be alone closes it and then looks at the counts. All of that is volatile, so at least one sees the other: a call that
 * begins while the gate is closed ends at once and waits, or it began before and is waited for. The ends are read before the
 * beginnings. No call ends that has not begun and both counts only grow, so if the later reading of the one equals the
 * earlier reading of the other, nothing was under way in between.
 *
 * <p><b>Progress.</b> Wait-free while the gate is open. It is closed by one thread at a time, who waits for the calls that
 * are under way and not for those that come. An interrupt ends no wait and is kept. The gate is not reentrant: a backend
 * that calls the manager from inside a call that is alone waits for ever.
 */
final class CallGate {
    /** Longs between two counts: 128 bytes. The first count is as far from the array's length. */
    private static final int STRIDE = 16;

    private static final int SPINS = 1000;
    /** How often a thread that will be alone looks whether it is: some lengths of a SEAMCALL. */
    private static final long LOOK_NANOS = 20_000;

    /** Beginnings, counted by region, so that transitions side by side do not meet here. */
    private final AtomicLongArray begun;

    private final int stripes;
    /** Ends of calls, as the caller counts them. */
    private final LongSupplier ended;
    /** Ends of calls that were not made because the gate was closed. */
    private final AtomicLong turnedAway = new AtomicLong();

    private final ReentrantLock alone = new ReentrantLock();
    private volatile boolean closed;

    /**
     * Makes an open gate.
     *
     * @param stripes in how many places beginnings are counted, a power of two
     * @param ended how many calls have ended so far
     */
    CallGate(int stripes, LongSupplier ended) {
        this.begun = new AtomicLongArray((stripes + 1) * STRIDE);
        this.stripes = stripes;
        this.ended = ended;
    }

    /** Begins a call for a region. Its end has to be counted, however it ends. */
    void enter(long region) {
        begun.getAndIncrement(stripeOf(region));
        if (closed) {
            turnedAway.getAndIncrement();
            alone.lock();
            try {
                begun.getAndIncrement(stripeOf(region));
            } finally {
                alone.unlock();
            }
        }
    }

    /** Makes a call for a region with no other under way. The call itself counts its end. */
    long alone(long region, LongSupplier call) {
        alone.lock();
        try {
            closed = true;
            awaitEnds();
            begun.getAndIncrement(stripeOf(region));
            return call.getAsLong();
        } finally {
            closed = false;
            alone.unlock();
        }
    }

    /** Calls that have begun, without those that were turned away. */
    long calls() {
        return sumOfBegun() - turnedAway.get();
    }

    private void awaitEnds() {
        boolean interrupted = false;
        for (int looks = 0; !isEmpty(); looks++) {
            if (looks < SPINS) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(this, LOOK_NANOS);
                interrupted |= Thread.interrupted();
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isEmpty() {
        long ends = ended.getAsLong() + turnedAway.get();
        return ends == sumOfBegun();
    }

    private long sumOfBegun() {
        long sum = 0;
        for (int stripe = 1; stripe <= stripes; stripe++) {
            sum += begun.get(stripe * STRIDE);
        }
        return sum;
    }

    private int stripeOf(long region) {
        return (1 + ((int) Hashing.spread(region) & (stripes - 1))) * STRIDE;
    }
}
