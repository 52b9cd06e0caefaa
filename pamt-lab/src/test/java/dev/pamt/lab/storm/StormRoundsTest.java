package dev.pamt.lab.storm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.LeafCounts;
import dev.pamt.lab.policy.HostSetup;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

class StormRoundsTest {
    @Test
    void theMedianIsTheValueInTheMiddleOrHalfwayBetweenTheTwo() {
        assertEquals(new Spread(3, 1, 100), Spread.of(List.of(100, 1, 3)));
        assertEquals(new Spread(2.5, 1, 100), Spread.of(List.of(3, 100, 2, 1)));
        assertEquals(new Spread(7, 7, 7), Spread.of(List.of(7L)));
        assertThrows(IllegalArgumentException.class, () -> Spread.of(List.of()));
    }

    @Test
    void inAsManyRoundsAsStrategiesEachIsInEachPlaceOnce() {
        assertEquals(List.of("a", "b", "c"), StormRounds.order(List.of("a", "b", "c"), 0));
        assertEquals(List.of("b", "c", "a"), StormRounds.order(List.of("a", "b", "c"), 1));
        assertEquals(List.of("c", "a", "b"), StormRounds.order(List.of("a", "b", "c"), 2));
        assertEquals(List.of("a", "b", "c"), StormRounds.order(List.of("a", "b", "c"), 3));
        assertEquals(List.of("a"), StormRounds.order(List.of("a"), 5));
    }

    @Test
    void speedsAreMediansOverTheRoundsAndLeaksAreAllOfThem() {
        StormRounds rounds = new StormRounds(
                "per2M",
                List.of(
                        round(1_000_000_000, 500_000_000, 90_000, 0),
                        round(4_000_000_000L, 250_000_000, 60_000, 3),
                        round(2_000_000_000, 1_000_000_000, 30_000, 4)));
        assertEquals(new Spread(500, 250, 1000), rounds.faultPagesPerSecond());
        assertEquals(new Spread(2000, 1000, 4000), rounds.shutdownPagesPerSecond());
        assertEquals(new Spread(60, 30, 90), rounds.cpuNanosPerPage());
        assertEquals(7, rounds.leaks());
    }

    @Test
    void aStormMeasuresTheProcessorTimeOfItsThreads() throws InterruptedException {
        MemoryMap memory = MemoryMap.of(List.of(PhysicalRange.between(1L << 30, 2L << 30)));
        PlatformConfig config = PlatformConfig.builder().cmrs(memory.cmrs()).build();
        LeafCounts leaves = new LeafCounts();
        SeamcallPlatform platform =
                leaves.decorate(SeamcallProviderFactory.named("emulator").open(config));
        try (TdxHost host = TdxHost.bringUp(platform, memory)) {
            StormResult result = new Storm(new StormPlan(2, 8 * StormPlan.BLOCK_BYTES, 2, 1), pages -> {})
                    .run(host, HostSetup.of(LockStrategy.per2M()), leaves);
            long most = 4 * (result.faultNanos() + result.shutdownNanos());
            assertTrue(result.cpuNanos() > 0, result::toString);
            assertTrue(result.cpuNanos() <= most, () -> result + ": four threads had at most " + most + " ns");
        }
    }

    /** A round of 1,000 pages. */
    private static StormResult round(long faultNanos, long shutdownNanos, long cpuNanos, long leakedPages) {
        return new StormResult("per2M", 1_000, faultNanos, shutdownNanos, cpuNanos, null, null, 0, leakedPages, "");
    }
}
