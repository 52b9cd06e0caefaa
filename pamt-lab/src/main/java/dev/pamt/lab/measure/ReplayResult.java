package dev.pamt.lab.measure;

import dev.pamt.api.PamtStats;

/**
 * What a replay has shown.
 *
 * <p>Immutable and thread-safe.
 *
 * @param strategy the lock strategy
 * @param policy the reclaim policy
 * @param measuredPairs the pairs that the placement needs by measurement
 * @param installedPairs the pairs that were installed when all pages were in use
 * @param stats what the manager had counted by the last put
 * @param leftPairs the pairs that were still installed after the close
 * @param getNanos the time of all gets
 * @param putNanos the time of all puts
 * @param failure what went wrong; empty if nothing did
 */
public record ReplayResult(
        String strategy,
        String policy,
        long measuredPairs,
        long installedPairs,
        PamtStats stats,
        long leftPairs,
        long getNanos,
        long putNanos,
        String failure) {
    /**
     * Whether something is not as it must be: another number of pairs than was measured, a pair that stays in the module, a call
     * that failed.
     *
     * @return true if there is
     */
    public boolean isFinding() {
        return !failure.isEmpty() || installedPairs != measuredPairs || leftPairs != 0;
    }

    /**
     * This result with the least times of two rounds; a finding takes precedence.
     *
     * @param other the result of another round with the same strategy and policy
     * @return the result of both
     */
    public ReplayResult and(ReplayResult other) {
        if (isFinding() || other.isFinding()) {
            return isFinding() ? this : other;
        }
        return new ReplayResult(
                strategy,
                policy,
                measuredPairs,
                installedPairs,
                stats,
                leftPairs,
                Math.min(getNanos, other.getNanos),
                Math.min(putNanos, other.putNanos),
                failure);
    }
}
