package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A spin lock, as the kernel's is to its users. It has its cache line to itself: beside the fields of the rival that uses it, each
 * of its transfers would take these away as well.
 */
final class SpinLock {
    private static final int MIDDLE = 32;
    private static final int FREE = 0;
    private static final int HELD = 1;

    private final AtomicIntegerArray word = new AtomicIntegerArray(2 * MIDDLE);

    void lock() {
        while (!word.compareAndSet(MIDDLE, FREE, HELD)) {
            while (word.getOpaque(MIDDLE) == HELD) {
                Thread.onSpinWait();
            }
        }
    }

    void unlock() {
        word.setRelease(MIDDLE, FREE);
    }
}
