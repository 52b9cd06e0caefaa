package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PlatformConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What stopped the kernel from splitting its lock: an ADD takes the 2M entries of the regions that its donated pages lie
 * in, so an ADD or REMOVE of such a region is answered BUSY although it has another target and another lock.
 *
 * <p>Here the host has no 2M chunks, and gives pages for pairs from just those few regions that are added and removed all
 * the time. {@code -Dpamt.hammer.seconds=30} makes it longer.
 */
class CrosswiseDonationTest {
    private static final Duration TIME = Duration.ofSeconds(Integer.getInteger("pamt.hammer.seconds", 2));
    private static final int THREADS = 2;
    private static final int REGIONS = 3;

    static Stream<LockStrategy> strategies() {
        return Stream.of(
                LockStrategy.global(),
                LockStrategy.hashed(2),
                LockStrategy.hashed(64),
                LockStrategy.per2M(),
                new SemaphorePerGigabyte());
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void lockingTheDonorsRegionsKeepsBusyAway(LockStrategy strategy) throws Exception {
        PamtStats stats = run((ManagerBuilder) PamtManager.builder().lockStrategy(strategy));
        assertEquals(0, stats.busy());
    }

    @Test
    void leavingThemUnlockedDoesNot() throws Exception {
        for (LockStrategy strategy : List.of(LockStrategy.hashed(64), LockStrategy.per2M())) {
            ManagerBuilder builder = (ManagerBuilder) PamtManager.builder().lockStrategy(strategy);
            PamtStats stats = run(builder.leavingDonorsUnlocked());
            assertTrue(stats.busy() > 0, "BUSY with " + strategy.name() + ": " + stats);
        }
    }

    private static PamtStats run(ManagerBuilder builder) throws Exception {
        TdxHost host = TestHost.direct(PlatformConfig.builder().option("latency-ns", "1000"));
        DonorPages donors = new DonorPages();
        int pagesAtFirst = donors.pages();
        PamtManager manager = builder.host(host).allocator(donors).build();
        long seed = new Random().nextLong();
        System.out.println("crosswise donation, seed " + seed);

        long until = System.nanoTime() + TIME.toNanos();
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(seed + i);
                running.add(threads.submit(() -> {
                    while (System.nanoTime() < until) {
                        long hpa = TestHost.REGION + random.nextInt(REGIONS) * PageAllocator.CHUNK_BYTES;
                        manager.get(hpa);
                        manager.put(hpa);
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }

        manager.close();
        PamtStats stats = manager.stats();
        assertEquals(0, stats.installedPairs());
        assertEquals(0, stats.addFailures() + stats.removeFailures());
        assertTrue(stats.adds() > 1000, "transitions did happen: " + stats);
        assertEquals(pagesAtFirst, donors.pages());
        host.close();
        return stats;
    }

    /** Single pages from the upper half of every region under test, in random order. */
    private static final class DonorPages implements PageAllocator {
        private final List<Long> pages = new ArrayList<>();
        private final Random random = new Random(42);

        DonorPages() {
            for (int region = 0; region < REGIONS; region++) {
                for (int page = 256; page < 260; page++) {
                    pages.add(TestHost.REGION + region * CHUNK_BYTES + page * PAGE_BYTES);
                }
            }
        }

        @Override
        public synchronized long allocPage() {
            Collections.swap(pages, random.nextInt(pages.size()), pages.size() - 1);
            return pages.remove(pages.size() - 1);
        }

        @Override
        public synchronized void freePage(long hpa) {
            pages.add(hpa);
        }

        synchronized int pages() {
            return pages.size();
        }
    }
}
