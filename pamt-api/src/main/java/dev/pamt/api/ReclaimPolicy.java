package dev.pamt.api;

/**
 * When a region that lost its last user gives its page pair back.
 *
 * <p>Immutable and thread-safe.
 *
 * @param idleRegions how many regions may keep their pair without having a user; 0 for eager reclaim
 */
public record ReclaimPolicy(int idleRegions) {
    private static final int MAX_IDLE_REGIONS = 1 << 20;

    /**
     * Checks the policy.
     *
     * @param idleRegions how many regions may keep their pair without having a user
     * @throws IllegalArgumentException if the number is negative or above 1,048,576
     */
    public ReclaimPolicy {
        if (idleRegions < 0 || idleRegions > MAX_IDLE_REGIONS) {
            throw new IllegalArgumentException(
                    "the number of regions kept idle is 0 to " + MAX_IDLE_REGIONS + ", not " + idleRegions);
        }
    }

    /**
     * REMOVE at the last put: no unused pair is kept, and zero TDs means zero pairs.
     *
     * @return the policy
     */
    public static ReclaimPolicy eager() {
        return new ReclaimPolicy(0);
    }

    /**
     * Keeps some regions idle, so that a guest which converts one page back and forth costs no SEAMCALL. When one more
     * becomes idle, the one that has waited longest loses its pair: at rest no more than that many are idle, and at any
     * moment one more for each thread inside a put. Regions whose REMOVE has failed are not counted. {@link PamtManager#trim} empties them all; mapping a
     * region as 2M empties that region.
     *
     * @param regions how many regions at most, 1 to 1,048,576; each holds 8 KiB of page pair
     * @return the policy
     * @throws IllegalArgumentException if the number is out of range
     */
    public static ReclaimPolicy keepIdle(int regions) {
        if (regions == 0) {
            throw new IllegalArgumentException("keepIdle keeps at least 1 region; for none use eager()");
        }
        return new ReclaimPolicy(regions);
    }
}
