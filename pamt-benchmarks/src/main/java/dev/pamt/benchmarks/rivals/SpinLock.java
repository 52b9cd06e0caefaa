package dev.pamt.benchmarks.rivals;

import java.util.concurrent.atomic.AtomicBoolean;

/** A spin lock, as the kernel's is to its users. */
final class SpinLock {
    private final AtomicBoolean held = new AtomicBoolean();

    void lock() {
        while (!held.compareAndSet(false, true)) {
            while (held.getOpaque()) {
                Thread.onSpinWait();
            }
        }
    }

    void unlock() {
        held.setRelease(false);
    }
}
