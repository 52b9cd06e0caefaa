package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.decorator.Latency;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Spends the time that a leaf takes on the real machine. A handler calls it where its locks are held and nothing is
 * published yet, so that others meet the locks as long as they would there.
 */
public final class Timing {
    private final Latency[] latencies = new Latency[Long.SIZE];
    private final boolean anyTime;

    /** Takes the time of each leaf; a leaf that is not named takes none. */
    public Timing(Map<SeamcallLeaf, Latency> latencies) {
        latencies.forEach((leaf, latency) -> this.latencies[leaf.number()] = latency);
        anyTime = !latencies.isEmpty();
    }

    /** Spins for the time of a leaf. */
    public void spend(SeamcallLeaf leaf) {
        if (anyTime) {
            Latency latency = latencies[leaf.number()];
            if (latency != null) {
                latency.spend(ThreadLocalRandom.current().nextDouble());
            }
        }
    }
}
