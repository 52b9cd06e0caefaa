package dev.pamt.impl.hostile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What may only grow up to a bound: idle regions, chunks, and regions that wait for another REMOVE. */
class RatchetTest {
    private static final long FIRST_HPA = 1L << 32;
    private static final int REGIONS = 22_528;
    private static final int MORE_REGIONS = 256;
    private static final int LONGEST_BACK_OFF = 1024;

    private final CheapModule module = new CheapModule(FIRST_HPA, REGIONS + MORE_REGIONS);
    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    RatchetTest() {
        System.out.println("ratchets, seed " + seed);
        Chance.seed(seed);
    }

    private PamtManager manager(ReclaimPolicy policy) {
        return PamtManager.builder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(MemoryMap.of(List.of(PhysicalRange.between(FIRST_HPA, hpa(REGIONS + MORE_REGIONS)))))
                .allocator(new ChunksOnly(hpa(REGIONS), MORE_REGIONS))
                .lockStrategy(LockStrategy.per2M())
                .reclaimPolicy(policy)
                .build();
    }

    private static long hpa(int region) {
        return FIRST_HPA + region * PageAllocator.CHUNK_BYTES;
    }

    private static int idleRegions(PamtManager manager, int regions) {
        return (int) IntStream.range(0, regions)
                .filter(region -> manager.state(hpa(region)).kind() == RegionState.Kind.IDLE)
                .count();
    }

    @ParameterizedTest
    @ValueSource(strings = {"as they came", "backwards", "at random"})
    void regionsThatComeAndGoLeaveOneChunk(String order) {
        List<Integer> regions =
                new ArrayList<>(IntStream.range(0, REGIONS).boxed().toList());
        try (PamtManager manager = manager(ReclaimPolicy.eager())) {
            regions.forEach(region -> manager.get(hpa(region)));
            assertEquals(REGIONS / 256, manager.stats().pages().donorChunks());
            if (order.equals("backwards")) {
                Collections.reverse(regions);
            } else if (order.equals("at random")) {
                Collections.shuffle(regions, random);
            }
            regions.forEach(region -> manager.put(hpa(region)));
            PamtStats stats = manager.stats();
            assertEquals(0, stats.pairs().installed());
            assertTrue(stats.pages().donorChunks() <= 1, () -> "chunks are held without a user: " + stats);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 4", "1, 64", "4, 1", "4, 4", "4, 64"})
    void noMoreRegionsAreIdleThanThePolicyKeeps(int kept, int threads) throws InterruptedException {
        int regions = 512;
        try (PamtManager manager = manager(ReclaimPolicy.keepIdle(kept))) {
            for (int round = 0; round < 5; round++) {
                Crew.run(threads, index -> {
                    Random mine = new Random(seed + index);
                    for (int i = 0; i < 8_000 / threads; i++) {
                        int region = mine.nextInt(regions);
                        manager.get(hpa(region));
                        manager.put(hpa(region));
                    }
                });
                int idle = idleRegions(manager, regions);
                PamtStats stats = manager.stats();
                assertTrue(idle <= kept, () -> idle + " regions are idle; " + stats);
                assertEquals(idle, stats.pairs().installed());
                assertTrue(stats.pages().donorChunks() <= 1 + idle, () -> "chunks are held without a user: " + stats);
            }
        }
    }

    @Test
    void regionsWhoseRemoveFailedAreAllTakenBackByPutsOfOthers() {
        int failed = 2_000;
        try (PamtManager manager = manager(ReclaimPolicy.eager())) {
            module.refuseRemoves(1);
            for (int region = 1; region <= failed; region++) {
                manager.get(hpa(region));
                manager.put(hpa(region));
            }
            assertEquals(failed, manager.stats().calls().retryRegions());
            module.refuseRemoves(0);
            long removesBefore = module.removes();
            int puts = 0;
            while (manager.stats().calls().retryRegions() > 0 && puts < 2 * (failed + LONGEST_BACK_OFF)) {
                manager.get(hpa(0));
                manager.put(hpa(0));
                puts++;
            }
            PamtStats stats = manager.stats();
            int lastPuts = puts;
            assertEquals(0, stats.calls().retryRegions(), () -> "after " + lastPuts + " last puts: " + stats);
            assertEquals(0, stats.pairs().installed());
            assertTrue(stats.pages().donorChunks() <= 1, () -> "chunks are held without a user: " + stats);
            assertTrue(
                    module.removes() - removesBefore <= 2L * puts,
                    "a put makes its own REMOVE and at most one for another region");
        }
    }

    @Test
    void aRegionThatIsInUseAgainWaitsForNoRemove() {
        int failed = 200;
        try (PamtManager manager = manager(ReclaimPolicy.eager())) {
            module.refuseRemoves(1);
            for (int region = 1; region <= failed; region++) {
                manager.get(hpa(region));
                manager.put(hpa(region));
            }
            module.refuseRemoves(0);
            for (int region = 1; region <= failed; region++) {
                manager.get(hpa(region));
            }
            for (int puts = 0; puts < failed + LONGEST_BACK_OFF; puts++) {
                manager.get(hpa(0));
                manager.put(hpa(0));
            }
            assertEquals(0, manager.stats().calls().retryRegions());
            for (int region = 1; region <= failed; region++) {
                assertEquals(
                        new RegionState(RegionState.Kind.BACKED, 1), manager.state(hpa(region)), "it keeps its pair");
                manager.put(hpa(region));
            }
            assertEquals(0, manager.stats().pairs().installed());
        }
    }

    @Test
    void refusedGetsLeaveNothingBehindHoweverManyTheyAre() {
        int refused = 40_000;
        try (PamtManager manager = PamtManager.builder()
                        .seamcalls(module, PhysicalMemory.none())
                        .memory(MemoryMap.of(List.of(PhysicalRange.between(FIRST_HPA, hpa(2)))))
                        .allocator(new ChunksOnly(hpa(1), 1))
                        .build();
                PamtPageCache empty = manager.newVcpuCache()) {
            manager.map2M(hpa(0));
            for (int i = 0; i < refused; i++) {
                assertThrows(RegionMapped2MException.class, () -> manager.get(hpa(0), 512));
            }
            assertEquals(RegionState.Kind.HUGE, manager.state(hpa(0)).kind());
            manager.unmap2M(hpa(0));
            for (int i = 0; i < refused; i++) {
                assertThrows(CacheExhaustedException.class, () -> manager.get(hpa(0), 512, empty));
            }
            assertEquals(RegionState.Kind.EMPTY, manager.state(hpa(0)).kind());
            manager.get(hpa(0));
            assertEquals(new RegionState(RegionState.Kind.BACKED, 1), manager.state(hpa(0)));
            manager.put(hpa(0));
        }
    }

    /** Gives the chunks of a range, the lowest first. */
    private static final class ChunksOnly implements PageAllocator {
        private final long firstHpa;
        private final BitSet free = new BitSet();

        ChunksOnly(long firstHpa, int chunks) {
            this.firstHpa = firstHpa;
            free.set(0, chunks);
        }

        @Override
        public long allocPage() {
            return NONE;
        }

        @Override
        public void freePage(long hpa) {
            throw new AssertionError("no page was given");
        }

        @Override
        public synchronized long allocChunk() {
            int chunk = free.nextSetBit(0);
            if (chunk < 0) {
                return NONE;
            }
            free.clear(chunk);
            return firstHpa + chunk * CHUNK_BYTES;
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            free.set((int) ((hpa - firstHpa) / CHUNK_BYTES));
        }
    }
}
