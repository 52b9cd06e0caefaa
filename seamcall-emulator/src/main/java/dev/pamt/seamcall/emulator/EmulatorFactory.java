package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.Latency;
import java.util.List;
import java.util.Map;

/**
 * Finds the emulator by its name, {@code emulator}.
 *
 * <p>A configuration without memory ranges gets those of {@link EmulatorConfig#small()}. The options:
 *
 * <table>
 * <caption>Options of the emulator</caption>
 * <tr><th>name</th><th>value</th><th>meaning</th></tr>
 * <tr><td>{@code max-pa}</td><td>32 to 52</td><td>physical address bits of the platform</td></tr>
 * <tr><td>{@code hkid-start-bit}</td><td>below {@code max-pa}</td><td>lowest address bit of the key id</td></tr>
 * <tr><td>{@code private-hkids}</td><td>{@code 32-63}</td><td>first and last private key id</td></tr>
 * <tr><td>{@code dynamic-pamt}</td><td>{@code true}, {@code false}</td><td>whether the module can do Dynamic PAMT</td></tr>
 * <tr><td>{@code latency-ns}</td><td>{@code 1000}, {@code PHYMEM_PAMT_ADD=4000,PHYMEM_PAMT_REMOVE=2000} or {@code measured}</td>
 *     <td>nanoseconds that every leaf, or that the leaves named take; measured: those two by {@link
 *     Latency#MEASURED_PAMT_ADD} and {@link Latency#MEASURED_PAMT_REMOVE}</td></tr>
 * <tr><td>{@code entropy-failures}</td><td>{@code 1/8@42}</td><td>about one request in 8 fails, seed 42</td></tr>
 * </table>
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public final class EmulatorFactory implements SeamcallProviderFactory {
    private static final List<String> OPTIONS = List.of(
            PlatformConfig.MAX_PA,
            PlatformConfig.HKID_START_BIT,
            PlatformConfig.PRIVATE_HKIDS,
            "dynamic-pamt",
            "latency-ns",
            "entropy-failures");

    /** Makes the factory. */
    public EmulatorFactory() {}

    @Override
    public String name() {
        return "emulator";
    }

    @Override
    public String description() {
        return "TDX module 1.5.25 with Dynamic PAMT, emulated in this process";
    }

    @Override
    public SeamcallPlatform open(PlatformConfig config) {
        return EmulatedPlatform.open(configuration(config));
    }

    /**
     * The emulator's own terms for a machine that any backend could be.
     *
     * @param config what the machine is to look like
     * @return the same, as {@link #open} understands it
     * @throws IllegalArgumentException if the emulator cannot be that machine, or does not know an option
     */
    public static EmulatorConfig configuration(PlatformConfig config) {
        EmulatorConfig.Builder builder = EmulatorConfig.builder()
                .cmrs(config.cmrs().isEmpty() ? EmulatorConfig.DEFAULT_CMRS : config.cmrs())
                .processors(config.processors())
                .packages(config.packages());
        for (Map.Entry<String, String> option : config.options().entrySet()) {
            set(builder, option.getKey(), option.getValue());
        }
        return builder.build();
    }

    private static void set(EmulatorConfig.Builder builder, String name, String value) {
        try {
            switch (name) {
                case PlatformConfig.MAX_PA -> builder.maxPaBits(Integer.parseInt(value));
                case PlatformConfig.HKID_START_BIT -> builder.hkidStartBit(Integer.parseInt(value));
                case PlatformConfig.PRIVATE_HKIDS -> setPrivateHkids(builder, value.split("-", 2));
                case "dynamic-pamt" -> builder.dynamicPamt(parseBoolean(value));
                case "latency-ns" -> setLatency(builder, value);
                case "entropy-failures" -> setEntropy(builder, value.split("[/@]", 3));
                default -> throw new IllegalArgumentException("it is unknown; known are " + String.join(", ", OPTIONS));
            }
        } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
            throw new IllegalArgumentException(
                    "option '" + name + "' of the emulator, given as '" + value + "': " + e.getMessage(), e);
        }
    }

    private static void setPrivateHkids(EmulatorConfig.Builder builder, String[] range) {
        builder.privateHkids(Integer.parseInt(range[0]), Integer.parseInt(range[1]));
    }

    private static void setLatency(EmulatorConfig.Builder builder, String value) {
        if (value.equals("measured")) {
            builder.latency(SeamcallLeaf.PHYMEM_PAMT_ADD, Latency.MEASURED_PAMT_ADD)
                    .latency(SeamcallLeaf.PHYMEM_PAMT_REMOVE, Latency.MEASURED_PAMT_REMOVE);
            return;
        }
        if (!value.contains("=")) {
            builder.latencyNanos(Long.parseLong(value));
            return;
        }
        for (String part : value.split(",", -1)) {
            String[] leafAndTime = part.split("=", 2);
            builder.latencyNanos(SeamcallLeaf.valueOf(leafAndTime[0].strip()), Long.parseLong(leafAndTime[1].strip()));
        }
    }

    private static void setEntropy(EmulatorConfig.Builder builder, String[] oneInAtSeed) {
        if (!oneInAtSeed[0].equals("1")) {
            throw new IllegalArgumentException("it has the form 1/8@42");
        }
        builder.entropy(EntropySource.failing(Long.parseLong(oneInAtSeed[2]), Integer.parseInt(oneInAtSeed[1])));
    }

    private static boolean parseBoolean(String value) {
        return switch (value) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("it is true or false");
        };
    }
}
