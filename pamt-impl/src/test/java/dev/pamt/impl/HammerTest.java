package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.lockstrategy.SemaphorePerGigabyte;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PlatformConfig;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two threads at everything at once, for each strategy. {@code -Dpamt.hammer.seconds=30} makes it longer than the 3
 * seconds that it takes in the build.
 */
class HammerTest {
    private static final Duration TIME = Duration.ofSeconds(Integer.getInteger("pamt.hammer.seconds", 3));
    private static final int THREADS = 2;
    private static final int REGIONS = 4;

    static Stream<LockStrategy> strategies() {
        return Stream.of(
                LockStrategy.global(),
                LockStrategy.hashed(1),
                LockStrategy.hashed(64),
                LockStrategy.per2M(),
                new SemaphorePerGigabyte());
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void endsWithEveryPageBackAndNoPairInstalled(LockStrategy strategy) throws Exception {
        hammer(strategy, ReclaimPolicy.eager());
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void endsSoWhenRegionsAreKeptIdle(LockStrategy strategy) throws Exception {
        hammer(strategy, ReclaimPolicy.keepIdle(2));
    }

    private static void hammer(LockStrategy strategy, ReclaimPolicy policy) throws Exception {
        TdxHost host = TestHost.direct(PlatformConfig.builder());
        long freeAtFirst = host.freePages();
        PamtManager manager = PamtManager.builder()
                .host(host)
                .lockStrategy(strategy)
                .reclaimPolicy(policy)
                .build();
        long seed = new Random().nextLong();
        System.out.println("hammer " + strategy.name() + ", " + policy + ", seed " + seed);

        long until = System.nanoTime() + TIME.toNanos() / 2;
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<Long>> running = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(seed + i);
                running.add(threads.submit(() -> new Hammer(manager, random).until(until)));
            }
            for (Future<Long> one : running) {
                assertTrue(assertDoesNotThrow(() -> one.get(), "a call that nothing stands in the way of") > 0);
            }
        } finally {
            threads.shutdownNow();
        }

        manager.close();
        PamtStats stats = manager.stats();
        assertEquals(0, stats.pairs().installed());
        assertEquals(stats.calls().adds(), stats.calls().removes());
        assertTrue(stats.calls().adds() > 1000, "transitions did happen: " + stats);
        assertEquals(0, stats.calls().busy());
        assertEquals(0, stats.calls().addFailures() + stats.calls().removeFailures());
        assertEquals(0, stats.pairs().cached());
        assertEquals(freeAtFirst, host.freePages());
        host.close();
    }

    /** What one thread does: gets and puts of a few shared regions, and pages of its own. */
    private static final class Hammer {
        private final PamtManager manager;
        private final Random random;
        private final ArrayDeque<Long> references = new ArrayDeque<>();
        private final ArrayDeque<Long> pages = new ArrayDeque<>();

        Hammer(PamtManager manager, Random random) {
            this.manager = manager;
            this.random = random;
        }

        long until(long nanoTime) {
            long steps = 0;
            try (PamtPageCache cache = manager.newVcpuCache()) {
                while (System.nanoTime() < nanoTime) {
                    for (int i = 0; i < 100; i++) {
                        step(cache);
                        steps++;
                    }
                }
            }
            references.forEach(manager::put);
            pages.forEach(manager::freePage);
            return steps;
        }

        private void step(PamtPageCache cache) {
            long hpa = TestHost.REGION
                    + random.nextInt(REGIONS) * PageAllocator.CHUNK_BYTES
                    + random.nextInt(512) * PageAllocator.PAGE_BYTES;
            switch (random.nextInt(8)) {
                case 0, 1 -> {
                    manager.get(hpa);
                    references.add(hpa);
                }
                case 2 -> {
                    cache.topUp(1);
                    manager.get(hpa, cache);
                    references.add(hpa);
                }
                case 3 -> pages.add(manager.allocPage());
                case 4 -> {
                    if (!pages.isEmpty()) {
                        manager.freePage(pages.poll());
                    }
                }
                default -> {
                    while (references.size() > 3) {
                        manager.put(references.poll());
                    }
                    if (!references.isEmpty()) {
                        manager.put(references.poll());
                    }
                }
            }
        }
    }
}
