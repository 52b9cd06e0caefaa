package dev.pamt.seamcall;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a machine is to look like, for {@link SeamcallProviderFactory#open}. A backend that drives a real machine checks
 * what it is told against what it finds; an emulated one becomes it.
 *
 * <p>Immutable and thread-safe.
 */
public final class PlatformConfig {
    /** The number of convertible memory ranges that the firmware can report. */
    public static final int MAX_CMRS = 32;

    /** Option: the number of physical address bits, the key id among them, as a number. Recordings need it. */
    public static final String MAX_PA = "max-pa";

    /** Option: the lowest address bit of the key id, as a number. Recordings need it. */
    public static final String HKID_START_BIT = "hkid-start-bit";

    /** Option: the first and the last private key id, such as {@code 32-63}. Recordings need it. */
    public static final String PRIVATE_HKIDS = "private-hkids";

    private final List<PhysicalRange> cmrs;
    private final int processors;
    private final int packages;
    private final Map<String, String> options;

    private PlatformConfig(Builder builder) {
        cmrs = List.copyOf(builder.cmrs);
        processors = builder.processors;
        packages = builder.packages;
        options = Collections.unmodifiableMap(new LinkedHashMap<>(builder.options));
    }

    /**
     * Starts a configuration: one processor, one package, no memory.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The convertible memory ranges, ascending and apart from each other.
     *
     * @return at most {@link #MAX_CMRS} ranges; empty if the backend is to choose
     */
    public List<PhysicalRange> cmrs() {
        return cmrs;
    }

    /**
     * The number of logical processors.
     *
     * @return at least 1
     */
    public int processors() {
        return processors;
    }

    /**
     * The number of packages, among which the processors are spread evenly.
     *
     * @return at least 1
     */
    public int packages() {
        return packages;
    }

    /**
     * Options that only some backends know; a backend refuses those it does not know.
     *
     * @return names and values
     */
    public Map<String, String> options() {
        return options;
    }

    /** Builds a configuration. Not thread-safe. Every setter checks at once. */
    public static final class Builder {
        private List<PhysicalRange> cmrs = List.of();
        private int processors = 1;
        private int packages = 1;
        private final Map<String, String> options = new LinkedHashMap<>();

        private Builder() {}

        /**
         * Sets the convertible memory ranges.
         *
         * @param ranges the ranges, in any order
         * @return this
         * @throws IllegalArgumentException if there are more than {@link #MAX_CMRS}, or two of them overlap
         */
        public Builder cmrs(List<PhysicalRange> ranges) {
            if (ranges.size() > MAX_CMRS) {
                throw new IllegalArgumentException(
                        "a platform has at most " + MAX_CMRS + " convertible memory ranges, not " + ranges.size());
            }
            List<PhysicalRange> sorted = new ArrayList<>(ranges);
            Collections.sort(sorted);
            for (int i = 1; i < sorted.size(); i++) {
                if (sorted.get(i).overlaps(sorted.get(i - 1))) {
                    throw new IllegalArgumentException("convertible memory ranges do not overlap, but "
                            + sorted.get(i - 1) + " and " + sorted.get(i) + " do");
                }
            }
            cmrs = sorted;
            return this;
        }

        /**
         * Sets the number of logical processors.
         *
         * @param count at least 1
         * @return this
         * @throws IllegalArgumentException if the count is less than 1
         */
        public Builder processors(int count) {
            processors = atLeastOne("processors", count);
            return this;
        }

        /**
         * Sets the number of packages.
         *
         * @param count at least 1
         * @return this
         * @throws IllegalArgumentException if the count is less than 1
         */
        public Builder packages(int count) {
            packages = atLeastOne("packages", count);
            return this;
        }

        /**
         * Sets an option that the backend knows.
         *
         * @param name the name of the option
         * @param value its value
         * @return this
         */
        public Builder option(String name, String value) {
            options.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if there are more packages than processors
         */
        public PlatformConfig build() {
            if (packages > processors) {
                throw new IllegalArgumentException("every package has a processor, but there are " + packages
                        + " packages and " + processors + " processors");
            }
            return new PlatformConfig(this);
        }

        private static int atLeastOne(String what, int count) {
            if (count < 1) {
                throw new IllegalArgumentException(what + " must be at least 1, not " + count);
            }
            return count;
        }
    }
}
