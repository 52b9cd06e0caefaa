package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.decorator.Latency;
import dev.pamt.seamcall.emulator.guest.GuestProgram;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What an emulated machine looks like and how its module behaves.
 *
 * <p>The key id takes the physical address bits above the highest address of memory. Unless set otherwise the platform
 * has 46 address bits of which six, from bit 40 on, are the key id, with key ids 32 to 63 private; if memory reaches higher,
 * the key id moves up with it and, from bit 47 on, gets narrower, since there are 52 bits in all. Dynamic PAMT needs a key
 * id that starts at bit 48 or below (TDX module 1.5.25, TDH.SYS.CONFIG check 6), hence memory below 2^48; memory up to
 * 2^51 makes a platform that can only do static PAMT, and above that no bit is left for a key id.
 *
 * <p>Immutable and thread-safe.
 */
public final class EmulatorConfig {
    /** Memory of a machine that was given none: 2 GiB below the hole for devices, and 32 GiB from 4 GiB on. */
    private static final List<PhysicalRange> DEFAULT_CMRS =
            List.of(PhysicalRange.between(0, 2L << 30), PhysicalRange.between(4L << 30, 36L << 30));

    private static final int DEFAULT_MAX_PA_BITS = 46;
    private static final int DEFAULT_HKID_START_BIT = 40;
    private static final int DEFAULT_HKID_BITS = 6;
    private static final int MIN_MAX_PA_BITS = 32;
    private static final int MAX_PACKAGES = 8;
    private static final int MAX_HKIDS = 2048;

    private final List<PhysicalRange> cmrs;
    private final int processors;
    private final int packages;
    private final int maxPaBits;
    private final int hkidStartBit;
    private final int firstPrivateHkid;
    private final int lastPrivateHkid;
    private final boolean dynamicPamt;
    private final Map<SeamcallLeaf, Latency> latencies;
    private final EntropySource entropy;
    private final InterruptSource interrupts;
    private final GuestProgram guests;
    private final Consumer<FatalError> fatalListener;
    private final Optional<Consumer<HostAccess>> hostAccessListener;

    private EmulatorConfig(Builder builder) {
        cmrs = builder.cmrs == null ? DEFAULT_CMRS : builder.cmrs;
        processors = orElse(builder.processors, 1);
        packages = orElse(builder.packages, 1);
        hkidStartBit =
                builder.hkidStartBit != null ? builder.hkidStartBit : chooseHkidStartBit(cmrs, builder.maxPaBits);
        maxPaBits = builder.maxPaBits != null
                ? builder.maxPaBits
                : Math.min(PhysicalRange.ADDRESS_BITS, Math.max(DEFAULT_MAX_PA_BITS, hkidStartBit + DEFAULT_HKID_BITS));
        // The upper half of the key ids is private, as on the recorded platforms.
        int hkids = Math.min(1 << Math.min(maxPaBits - hkidStartBit, 30), MAX_HKIDS);
        firstPrivateHkid = orElse(builder.firstPrivateHkid, hkids / 2);
        lastPrivateHkid = orElse(builder.lastPrivateHkid, hkids - 1);
        dynamicPamt = builder.dynamicPamt == null || builder.dynamicPamt;
        latencies = Collections.unmodifiableMap(builder.allLatencies());
        entropy = builder.entropy == null ? EntropySource.always() : builder.entropy;
        interrupts = builder.interrupts == null ? InterruptSource.never() : builder.interrupts;
        guests = builder.guests == null ? GuestProgram.idle() : builder.guests;
        fatalListener = builder.fatalListener == null ? error -> {} : builder.fatalListener;
        hostAccessListener = Optional.ofNullable(builder.hostAccessListener);
        check(hkids);
    }

    private void check(int hkids) {
        if (packages > processors) {
            throw new IllegalArgumentException("every package has a processor, but there are " + packages
                    + " packages and " + processors + " processors");
        }
        if (hkidStartBit >= maxPaBits) {
            throw new IllegalArgumentException("the key id needs an address bit, but with memory up to 0x"
                    + Long.toHexString(endHpa(cmrs)) + " it would start at bit " + hkidStartBit + " of " + maxPaBits);
        }
        if (endHpa(cmrs) > 1L << hkidStartBit) {
            throw new IllegalArgumentException("memory lies below the key id bits, but " + cmrs.get(cmrs.size() - 1)
                    + " reaches over bit " + hkidStartBit);
        }
        if (lastPrivateHkid >= hkids) {
            throw new IllegalArgumentException("the platform has key ids 0 to " + (hkids - 1)
                    + " in address bits " + hkidStartBit + " to " + (maxPaBits - 1) + ", but " + lastPrivateHkid
                    + " is to be private");
        }
    }

    private static int chooseHkidStartBit(List<PhysicalRange> cmrs, Integer maxPaBits) {
        int memoryBits = Long.SIZE - Long.numberOfLeadingZeros(endHpa(cmrs) - 1);
        int preferred = maxPaBits == null ? DEFAULT_HKID_START_BIT : maxPaBits - DEFAULT_HKID_BITS;
        return Math.max(memoryBits, preferred);
    }

    private static long endHpa(List<PhysicalRange> cmrs) {
        return cmrs.get(cmrs.size() - 1).endHpa();
    }

    private static int orElse(Integer value, int fallback) {
        return value == null ? fallback : value;
    }

    /**
     * Starts a configuration.
     *
     * @return a builder in which nothing is set
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * The emulator's own terms for a machine that any backend could be.
     *
     * @param machine what the machine is to look like, with the options that {@link EmulatorFactory} lists
     * @return the same, in which memory that was not chosen is that of {@link #small()}
     * @throws IllegalArgumentException if the emulator cannot be that machine, or does not know an option
     */
    public static EmulatorConfig of(PlatformConfig machine) {
        Builder builder = builder()
                .cmrs(machine.cmrs().isEmpty() ? DEFAULT_CMRS : machine.cmrs())
                .processors(machine.processors())
                .packages(machine.packages());
        machine.options().forEach((name, value) -> EmulatorOptions.set(builder, name, value));
        return builder.build();
    }

    /**
     * A small machine: one processor, 2 GiB below 4 GiB and 32 GiB above it.
     *
     * @return the preset
     */
    public static EmulatorConfig small() {
        return builder().build();
    }

    /**
     * A server: two packages with 128 processors in all, 2 GiB below 4 GiB and 4 TiB above it.
     *
     * @return the preset
     */
    public static EmulatorConfig server() {
        return builder()
                .cmrs(List.of(
                        PhysicalRange.between(0, 2L << 30), PhysicalRange.between(4L << 30, (4L << 30) + (4L << 40))))
                .processors(128)
                .packages(2)
                .build();
    }

    /**
     * A small machine whose module is too old for Dynamic PAMT.
     *
     * @return the preset
     */
    public static EmulatorConfig withoutDynamicPamt() {
        return builder().dynamicPamt(false).build();
    }

    /**
     * The convertible memory ranges.
     *
     * @return at least one range, ascending
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
     * The number of packages.
     *
     * @return 1 to 8
     */
    public int packages() {
        return packages;
    }

    /**
     * The package of a processor; processors are spread over the packages in equal blocks.
     *
     * @param processor the processor, from 0
     * @return the package, from 0
     * @throws IndexOutOfBoundsException if there is no such processor
     */
    public int packageOf(int processor) {
        return (int) ((long) Objects.checkIndex(processor, processors) * packages / processors);
    }

    /**
     * The number of physical address bits of the platform, the key id among them.
     *
     * @return 32 to 52
     */
    public int maxPaBits() {
        return maxPaBits;
    }

    /**
     * The lowest address bit of the key id.
     *
     * @return a bit below {@link #maxPaBits()}
     */
    public int hkidStartBit() {
        return hkidStartBit;
    }

    /**
     * The first private key id.
     *
     * @return at least 1
     */
    public int firstPrivateHkid() {
        return firstPrivateHkid;
    }

    /**
     * The last private key id.
     *
     * @return not less than {@link #firstPrivateHkid()}
     */
    public int lastPrivateHkid() {
        return lastPrivateHkid;
    }

    /**
     * Whether the module can do Dynamic PAMT. If not, it says so in TDX_FEATURES0, does not know the metadata fields of the
     * page bitmap, and refuses the option bit of SYS.CONFIG.
     *
     * @return true if it can
     */
    public boolean dynamicPamt() {
        return dynamicPamt;
    }

    /**
     * How long each leaf takes, drawn for each call and spent within it while its locks are held.
     *
     * @return the times by leaf, unmodifiable; absent leaves get no added latency
     */
    public Map<SeamcallLeaf, Latency> latencies() {
        return latencies;
    }

    /**
     * Where the module gets entropy from.
     *
     * @return the source
     */
    public EntropySource entropy() {
        return entropy;
    }

    /**
     * What interrupts the module.
     *
     * @return the source
     */
    public InterruptSource interrupts() {
        return interrupts;
    }

    /**
     * What runs inside vCPUs.
     *
     * @return the program
     */
    public GuestProgram guests() {
        return guests;
    }

    /**
     * What is called for the fatal error that ends the module.
     *
     * @return the listener, called once at most, on the thread whose call was fatal
     */
    public Consumer<FatalError> fatalListener() {
        return fatalListener;
    }

    /**
     * What is called for host accesses to memory that the module holds.
     *
     * @return the listener; empty if accesses are not checked
     */
    public Optional<Consumer<HostAccess>> hostAccessListener() {
        return hostAccessListener;
    }

    /**
     * Builds a configuration. Not thread-safe. What is not set is chosen; nothing can be set twice.
     *
     * <p>Every setter throws {@link IllegalArgumentException} for a value that breaks its rule and {@link
     * IllegalStateException} if it was called before.
     */
    public static final class Builder {
        private List<PhysicalRange> cmrs;
        private Integer processors;
        private Integer packages;
        private Integer maxPaBits;
        private Integer hkidStartBit;
        private Integer firstPrivateHkid;
        private Integer lastPrivateHkid;
        private Boolean dynamicPamt;
        private final Map<SeamcallLeaf, Latency> latencies = new EnumMap<>(SeamcallLeaf.class);
        private Latency otherLatency;
        private EntropySource entropy;
        private InterruptSource interrupts;
        private GuestProgram guests;
        private Consumer<FatalError> fatalListener;
        private Consumer<HostAccess> hostAccessListener;

        private Builder() {}

        /**
         * Sets the convertible memory ranges.
         *
         * @param ranges 1 to 32 ranges in any order, apart from each other, of whole 4K pages
         * @return this
         */
        public Builder cmrs(List<PhysicalRange> ranges) {
            requireUnset("cmrs", cmrs);
            require(!ranges.isEmpty(), "a machine has at least one convertible memory range");
            for (PhysicalRange range : ranges) {
                require(
                        ((range.baseHpa() | range.bytes()) & 0xFFF) == 0,
                        "a convertible memory range consists of 4K pages, but " + range + " does not");
            }
            cmrs = PlatformConfig.builder().cmrs(ranges).build().cmrs();
            return this;
        }

        /**
         * Sets the number of logical processors.
         *
         * @param count at least 1
         * @return this
         */
        public Builder processors(int count) {
            requireUnset("processors", processors);
            require(count >= 1, "a machine has at least one processor, not " + count);
            processors = count;
            return this;
        }

        /**
         * Sets the number of packages.
         *
         * @param count 1 to 8
         * @return this
         */
        public Builder packages(int count) {
            requireUnset("packages", packages);
            require(count >= 1 && count <= MAX_PACKAGES, "a machine has 1 to 8 packages, not " + count);
            packages = count;
            return this;
        }

        /**
         * Sets the number of physical address bits.
         *
         * @param bits 32 to 52
         * @return this
         */
        public Builder maxPaBits(int bits) {
            requireUnset("maxPaBits", maxPaBits);
            require(
                    bits >= MIN_MAX_PA_BITS && bits <= PhysicalRange.ADDRESS_BITS,
                    "a platform has 32 to 52 physical address bits, not " + bits);
            maxPaBits = bits;
            return this;
        }

        /**
         * Sets the lowest address bit of the key id.
         *
         * @param bit 31 to 51
         * @return this
         */
        public Builder hkidStartBit(int bit) {
            requireUnset("hkidStartBit", hkidStartBit);
            require(
                    bit >= MIN_MAX_PA_BITS - 1 && bit < PhysicalRange.ADDRESS_BITS,
                    "a key id starts at one of the address bits 31 to 51, not " + bit);
            hkidStartBit = bit;
            return this;
        }

        /**
         * Sets the private key ids.
         *
         * @param first the first one, at least 1
         * @param last the last one, not less than the first, below 2048
         * @return this
         */
        public Builder privateHkids(int first, int last) {
            requireUnset("privateHkids", firstPrivateHkid);
            require(
                    first >= 1 && last >= first && last < MAX_HKIDS,
                    "private key ids are a range between 1 and 2047, not " + first + " to " + last);
            firstPrivateHkid = first;
            lastPrivateHkid = last;
            return this;
        }

        /**
         * Sets whether the module can do Dynamic PAMT.
         *
         * @param supported false for an old module
         * @return this
         */
        public Builder dynamicPamt(boolean supported) {
            requireUnset("dynamicPamt", dynamicPamt);
            dynamicPamt = supported;
            return this;
        }

        /**
         * Sets how long every leaf takes that is not set by itself, always the same time.
         *
         * @param nanos nanoseconds, at least 0
         * @return this
         */
        public Builder latencyNanos(long nanos) {
            return latency(Latency.fixed(nanos));
        }

        /**
         * Sets how long a leaf takes, always the same time.
         *
         * @param leaf the leaf
         * @param nanos nanoseconds, at least 0
         * @return this
         */
        public Builder latencyNanos(SeamcallLeaf leaf, long nanos) {
            return latency(leaf, Latency.fixed(nanos));
        }

        /**
         * Sets how long every leaf takes that is not set by itself.
         *
         * @param latency the distribution, from which each call draws
         * @return this
         */
        public Builder latency(Latency latency) {
            requireUnset("the latency of all other leaves", otherLatency);
            otherLatency = Objects.requireNonNull(latency, "latency");
            return this;
        }

        /**
         * Sets how long a leaf takes.
         *
         * @param leaf the leaf
         * @param latency the distribution, from which each call draws
         * @return this
         */
        public Builder latency(SeamcallLeaf leaf, Latency latency) {
            requireUnset("the latency of " + leaf, latencies.get(leaf));
            latencies.put(leaf, Objects.requireNonNull(latency, "latency"));
            return this;
        }

        private Map<SeamcallLeaf, Latency> allLatencies() {
            Map<SeamcallLeaf, Latency> all = new EnumMap<>(latencies);
            if (otherLatency != null) {
                for (SeamcallLeaf leaf : SeamcallLeaf.values()) {
                    all.putIfAbsent(leaf, otherLatency);
                }
            }
            return all;
        }

        /**
         * Sets where the module gets entropy from.
         *
         * @param source the source
         * @return this
         */
        public Builder entropy(EntropySource source) {
            requireUnset("entropy", entropy);
            entropy = Objects.requireNonNull(source, "source");
            return this;
        }

        /**
         * Sets what interrupts the module.
         *
         * @param source the source
         * @return this
         */
        public Builder interrupts(InterruptSource source) {
            requireUnset("interrupts", interrupts);
            interrupts = Objects.requireNonNull(source, "source");
            return this;
        }

        /**
         * Sets what runs inside vCPUs; unless set, they are idle.
         *
         * @param program the program
         * @return this
         */
        public Builder guests(GuestProgram program) {
            requireUnset("guests", guests);
            guests = Objects.requireNonNull(program, "program");
            return this;
        }

        /**
         * Sets what is called for the fatal error that ends the module.
         *
         * @param listener called once at most, on the thread whose call was fatal
         * @return this
         */
        public Builder fatalListener(Consumer<FatalError> listener) {
            requireUnset("fatalListener", fatalListener);
            fatalListener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Checks every host access, and sets what is called for those to memory that the module holds.
         *
         * @param listener called before the access, on its thread; what it throws prevents the access
         * @return this
         */
        public Builder hostAccessListener(Consumer<HostAccess> listener) {
            requireUnset("hostAccessListener", hostAccessListener);
            hostAccessListener = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Builds the configuration.
         *
         * @return the configuration
         * @throws IllegalArgumentException if values contradict each other; the message says which rule
         */
        public EmulatorConfig build() {
            return new EmulatorConfig(this);
        }

        private static void require(boolean condition, String rule) {
            if (!condition) {
                throw new IllegalArgumentException(rule);
            }
        }

        private static void requireUnset(String what, Object value) {
            if (value != null) {
                throw new IllegalStateException(what + " was set before, to " + value);
            }
        }
    }
}
