package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.SeamcallLeaf;
import java.util.Map;

/**
 * Spends the time that a leaf takes on the real machine. A handler calls it where its locks are held and nothing is
 * published yet, so that others meet the locks as long as they would there.
 */
public final class Timing {
    private final long[] nanos = new long[Long.SIZE];
    private final boolean anyTime;

    /** Takes the time of each leaf, in nanoseconds; a leaf that is not named takes none. */
    public Timing(Map<SeamcallLeaf, Long> latencyNanos) {
        latencyNanos.forEach((leaf, time) -> nanos[leaf.number()] = time);
        anyTime = latencyNanos.values().stream().anyMatch(time -> time > 0);
    }

    /** Spins for the time of a leaf. */
    public void spend(SeamcallLeaf leaf) {
        if (anyTime && nanos[leaf.number()] > 0) {
            spin(nanos[leaf.number()]);
        }
    }

    private static void spin(long time) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < time) {
            Thread.onSpinWait();
        }
    }
}
