package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;

/**
 * How much longer each leaf takes. Immutable and thread-safe.
 */
public final class LatencyPlan {
    private static final Latency NONE = Latency.fixed(0);

    private final Map<SeamcallLeaf, Latency> byLeaf;
    private final Latency others;
    private final long seed;

    private LatencyPlan(Builder builder) {
        byLeaf = new EnumMap<>(builder.byLeaf);
        others = builder.others == null ? NONE : builder.others;
        seed = builder.seed == null ? 0 : builder.seed;
    }

    /**
     * Starts a plan in which nothing takes longer.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * What was measured of TDH.PHYMEM.PAMT.ADD and REMOVE; other leaves take no longer.
     *
     * @return the preset, with seed 0
     */
    public static LatencyPlan measured() {
        return builder()
                .leaf(SeamcallLeaf.PHYMEM_PAMT_ADD, Latency.MEASURED_PAMT_ADD)
                .leaf(SeamcallLeaf.PHYMEM_PAMT_REMOVE, Latency.MEASURED_PAMT_REMOVE)
                .build();
    }

    Latency of(SeamcallLeaf leaf) {
        return leaf == null ? others : byLeaf.getOrDefault(leaf, others);
    }

    long seed() {
        return seed;
    }

    /**
     * Builds a plan. Not thread-safe. Nothing can be set twice: {@link IllegalStateException}.
     */
    public static final class Builder {
        private final Map<SeamcallLeaf, Latency> byLeaf = new EnumMap<>(SeamcallLeaf.class);
        private Latency others;
        private Long seed;

        private Builder() {}

        /**
         * Sets how much longer a leaf takes.
         *
         * @param leaf the leaf
         * @param latency the time
         * @return this
         */
        public Builder leaf(SeamcallLeaf leaf, Latency latency) {
            requireUnset("the latency of " + leaf, byLeaf.put(leaf, Objects.requireNonNull(latency, "latency")));
            return this;
        }

        /**
         * Sets how much longer all other leaves take.
         *
         * @param latency the time
         * @return this
         */
        public Builder others(Latency latency) {
            requireUnset("the latency of other leaves", others);
            others = Objects.requireNonNull(latency, "latency");
            return this;
        }

        /**
         * Sets what decides the times; 0 unless set.
         *
         * @param value the seed
         * @return this
         */
        public Builder seed(long value) {
            requireUnset("the seed", seed);
            seed = value;
            return this;
        }

        private static void requireUnset(String what, Object before) {
            if (before != null) {
                throw new IllegalStateException(what + " was set before");
            }
        }

        /**
         * Builds the plan.
         *
         * @return the plan
         */
        public LatencyPlan build() {
            return new LatencyPlan(this);
        }
    }
}
