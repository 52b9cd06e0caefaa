package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PlatformConfigTest {
    private final PlatformConfig.Builder builder = PlatformConfig.builder();

    private static List<PhysicalRange> ranges(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> new PhysicalRange(i * 0x2000L, 0x1000))
                .toList();
    }

    private static String refusal(Runnable call) {
        return assertThrows(IllegalArgumentException.class, call::run).getMessage();
    }

    @Test
    void nothingSaidIsOneProcessorOnePackageAndNoMemory() {
        PlatformConfig config = builder.build();

        assertEquals(1, config.processors());
        assertEquals(1, config.packages());
        assertEquals(List.of(), config.cmrs());
        assertEquals(Map.of(), config.options());
    }

    @Test
    void whatWasSaidIsThere() {
        PlatformConfig config =
                builder.processors(4).packages(2).option("max-pa", "46").build();

        assertEquals(4, config.processors());
        assertEquals(2, config.packages());
        assertEquals(Map.of("max-pa", "46"), config.options());
    }

    @Test
    void rangesAreSortedAndMayTouch() {
        PhysicalRange low = new PhysicalRange(0x1000, 0x1000);
        PhysicalRange middle = new PhysicalRange(0x2000, 0x1000);
        PhysicalRange high = new PhysicalRange(0x9000, 0x1000);

        assertEquals(
                List.of(low, middle, high),
                builder.cmrs(List.of(high, low, middle)).build().cmrs());
    }

    @Test
    void aPlatformRefusesRangesThatOverlap() {
        PhysicalRange apart = new PhysicalRange(0, 0x1000);
        PhysicalRange one = new PhysicalRange(0x1000, 0x2000);
        PhysicalRange other = new PhysicalRange(0x2000, 0x1000);

        assertEquals(
                "convertible memory ranges do not overlap, but [0x1000, 0x3000) and [0x2000, 0x3000) do",
                refusal(() -> builder.cmrs(List.of(one, other))));
        assertThrows(IllegalArgumentException.class, () -> builder.cmrs(List.of(other, apart, one)));
    }

    @Test
    void thereAreAsManyRangesAsTheFirmwareCanReport() {
        assertEquals(32, builder.cmrs(ranges(32)).build().cmrs().size());
        assertEquals(
                "a platform has at most 32 convertible memory ranges, not 33", refusal(() -> builder.cmrs(ranges(33))));
    }

    @Test
    void everyPackageHasAProcessor() {
        assertEquals(1, builder.processors(1).packages(1).build().packages());
        assertEquals(2, builder.processors(2).packages(2).build().packages());
        assertEquals(
                "every package has a processor, but there are 3 packages and 2 processors",
                refusal(builder.packages(3)::build));
        assertEquals("processors must be at least 1, not 0", refusal(() -> builder.processors(0)));
        assertEquals("packages must be at least 1, not -1", refusal(() -> builder.packages(-1)));
    }

    @Test
    void aConfigurationStaysAsItWasBuilt() {
        PlatformConfig config = builder.cmrs(ranges(1)).option("a", "1").build();
        builder.cmrs(ranges(2)).option("a", "2").option("b", "3");

        assertEquals(ranges(1), config.cmrs());
        assertEquals(Map.of("a", "1"), config.options());
        assertThrows(UnsupportedOperationException.class, () -> config.options().put("c", "4"));
        assertThrows(UnsupportedOperationException.class, () -> config.cmrs().clear());
    }
}
