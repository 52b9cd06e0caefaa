package dev.pamt.seamcall.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.Latency;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Configurations are checked at once, completed sensibly, and found by name. */
class EmulatorConfigTest {
    @ParameterizedTest
    @CsvSource({
        "36, 46, 40, 32, 63",
        "40, 46, 40, 32, 63",
        "42, 48, 42, 32, 63",
        "46, 52, 46, 32, 63",
        "47, 52, 47, 16, 31",
        "48, 52, 48, 8, 15",
        "51, 52, 51, 1, 1"
    })
    void theKeyIdMovesUpWithTheMemory(int memoryBits, int maxPa, int hkidStart, int firstPrivate, int lastPrivate) {
        EmulatorConfig config = EmulatorConfig.builder().cmrs(topOf(memoryBits)).build();
        assertEquals(maxPa, config.maxPaBits());
        assertEquals(hkidStart, config.hkidStartBit());
        assertEquals(firstPrivate, config.firstPrivateHkid());
        assertEquals(lastPrivate, config.lastPrivateHkid());
    }

    @Test
    void memoryToTheLastAddressLeavesNoKeyId() {
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class,
                () -> EmulatorConfig.builder().cmrs(topOf(52)).build());
        assertTrue(e.getMessage().contains("0x10000000000000"), e::getMessage);
    }

    @Test
    void contradictionsAreRefused() {
        assertThrows(
                IllegalArgumentException.class,
                () -> EmulatorConfig.builder().cmrs(topOf(44)).hkidStartBit(43).build());
        assertThrows(
                IllegalArgumentException.class,
                () -> EmulatorConfig.builder().privateHkids(32, 64).build());
        assertThrows(
                IllegalArgumentException.class,
                () -> EmulatorConfig.builder().packages(2).build());
        assertThrows(
                IllegalStateException.class,
                () -> EmulatorConfig.builder().processors(2).processors(2));
        assertThrows(IllegalArgumentException.class, () -> EmulatorConfig.builder()
                .cmrs(List.of(new PhysicalRange(0, 100))));
    }

    @Test
    void processorsAreSpreadOverThePackages() {
        EmulatorConfig server = EmulatorConfig.server();
        assertEquals(0, server.packageOf(63));
        assertEquals(1, server.packageOf(64));
    }

    @Test
    void presetsAreMachines() {
        assertTrue(EmulatorConfig.small().dynamicPamt());
        assertFalse(EmulatorConfig.withoutDynamicPamt().dynamicPamt());
    }

    @Test
    void theBackendIsFoundByName() {
        SeamcallProviderFactory factory = SeamcallProviderFactory.named("emulator");
        try (SeamcallPlatform machine =
                factory.open(PlatformConfig.builder().processors(4).build())) {
            assertEquals(4, machine.processors());
            assertEquals(32, machine.firstPrivateHkid());
            assertEquals(32, machine.privateHkids());
        }
    }

    @Test
    void optionsReachTheConfiguration() {
        PlatformConfig config = PlatformConfig.builder()
                .option("max-pa", "48")
                .option("hkid-start-bit", "44")
                .option("private-hkids", "8-15")
                .option("dynamic-pamt", "false")
                .option("latency-ns", "PHYMEM_PAMT_ADD=4000, PHYMEM_PAMT_REMOVE=2000")
                .option("entropy-failures", "1/8@42")
                .build();
        EmulatorConfig opened = assertInstanceOf(EmulatedPlatform.class, new EmulatorFactory().open(config))
                .config();
        assertEquals(48, opened.maxPaBits());
        assertEquals(44, opened.hkidStartBit());
        assertEquals(8, opened.firstPrivateHkid());
        assertFalse(opened.dynamicPamt());
        assertEquals(4000, opened.latencies().get(SeamcallLeaf.PHYMEM_PAMT_ADD).nanos(0.5));
        assertEquals(
                2000, opened.latencies().get(SeamcallLeaf.PHYMEM_PAMT_REMOVE).nanos(0.5));
        assertEquals(2, opened.latencies().size());
    }

    @Test
    void measuredLatencyIsDrawn() {
        EmulatorConfig config = EmulatorConfig.of(
                PlatformConfig.builder().option("latency-ns", "measured").build());
        assertEquals(
                Map.of(
                        SeamcallLeaf.PHYMEM_PAMT_ADD, Latency.MEASURED_PAMT_ADD,
                        SeamcallLeaf.PHYMEM_PAMT_REMOVE, Latency.MEASURED_PAMT_REMOVE),
                config.latencies());
    }

    @Test
    void aLatencyOfItsOwnGoesBeforeThatOfAllLeavesInAnyOrder() {
        EmulatorConfig config = EmulatorConfig.builder()
                .latencyNanos(100)
                .latency(SeamcallLeaf.VP_ENTER, Latency.MEASURED_PAMT_ADD)
                .build();
        assertEquals(Latency.MEASURED_PAMT_ADD, config.latencies().get(SeamcallLeaf.VP_ENTER));
        assertEquals(100, config.latencies().get(SeamcallLeaf.MEM_TRACK).nanos(0.5));
        assertEquals(SeamcallLeaf.values().length, config.latencies().size());
    }

    @Test
    void aLatencyIsSetOnce() {
        EmulatorConfig.Builder builder =
                EmulatorConfig.builder().latencyNanos(1).latencyNanos(SeamcallLeaf.VP_ENTER, 2);
        assertThrows(IllegalStateException.class, () -> builder.latencyNanos(3));
        assertThrows(
                IllegalStateException.class, () -> builder.latency(SeamcallLeaf.VP_ENTER, Latency.MEASURED_PAMT_ADD));
        assertThrows(IllegalArgumentException.class, () -> builder.latencyNanos(SeamcallLeaf.MEM_TRACK, -1));
    }

    @ParameterizedTest
    @CsvSource({
        "colour, red, known are max-pa",
        "max-pa, 53, '32 to 52'",
        "max-pa, many, many",
        "dynamic-pamt, yes, true or false",
        "private-hkids, 5, 5",
        "latency-ns, VP_LEAVE=1, VP_LEAVE",
        "entropy-failures, 2/8@1, 1/8@42"
    })
    void aBadOptionIsNamedWithItsRule(String name, String value, String rule) {
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> new EmulatorFactory()
                .open(PlatformConfig.builder().option(name, value).build()));
        assertTrue(e.getMessage().contains("'" + name + "'") && e.getMessage().contains(rule), e::getMessage);
    }

    private static List<PhysicalRange> topOf(int bits) {
        return List.of(new PhysicalRange(0, 1L << 30), PhysicalRange.between((1L << bits) - (1L << 30), 1L << bits));
    }
}
