package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.decorator.Latency;
import java.util.List;

/** The emulator's options as text: names, values, and what they set. {@link EmulatorFactory} documents them. */
final class EmulatorOptions {
    private static final List<String> OPTIONS = List.of(
            PlatformConfig.MAX_PA,
            PlatformConfig.HKID_START_BIT,
            PlatformConfig.PRIVATE_HKIDS,
            "dynamic-pamt",
            "latency-ns",
            "entropy-failures");

    private EmulatorOptions() {}

    /** Sets what an option says. */
    static void set(EmulatorConfig.Builder builder, String name, String value) {
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
