package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicLong;

/** How many interleavings the model checker has run. Lincheck is told to ignore it, or it would put it back each time. */
final class Interleavings {
    private static final AtomicLong COUNT = new AtomicLong();

    private Interleavings() {}

    static void count() {
        COUNT.incrementAndGet();
    }

    static long soFar() {
        return COUNT.get();
    }
}
