package dev.pamt.lab.host;

import java.util.concurrent.locks.LockSupport;

/**
 * How long a thread waits for another one: some turns of a spin loop, then naps, because the other one may not be running, and about a second
 * at most.
 */
final class Patience {
    private static final int SPINS = 1000;
    private static final int NAPS = 20_000;
    private static final long NAP_NANOS = 50_000;

    private int looks;

    /** Waits a moment; false if it has taken too long. */
    boolean waits() {
        if (looks++ < SPINS) {
            Thread.onSpinWait();
        } else {
            LockSupport.parkNanos(this, NAP_NANOS);
        }
        return looks < SPINS + NAPS;
    }
}
