package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.lockstrategy.SemaphorePerGigabyte;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
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
        assertEquals(0, stats.calls().busy());
    }

    static Stream<LockStrategy> strategiesThatTellRegionsApart() {
        return Stream.of(LockStrategy.hashed(64), LockStrategy.per2M());
    }

    /** A strategy whose every lock is another one, so that the locks of donors keep nothing away. */
    private static final class NoTwoTheSame implements LockStrategy {
        @Override
        public String name() {
            return "no two the same";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            AtomicLong next = new AtomicLong();
            return new RegionLocks() {
                @Override
                public long lockOf(long region) {
                    return next.getAndIncrement();
                }

                @Override
                public boolean tryLock(long lock) {
                    return true;
                }

                @Override
                public void lock(long lock) {
                    throw new AssertionError("no lock is ever held");
                }

                @Override
                public void unlock(long lock) {}
            };
        }
    }

    @Test
    void anAddWhosePagesLieInARegionUnderWayIsBusyIfThatIsNotLocked() throws Exception {
        ManagerBuilder builder = (ManagerBuilder) PamtManager.builder().lockStrategy(new NoTwoTheSame());
        try (Encounter encounter = new Encounter(builder)) {
            encounter.startBoth();
            encounter.awaitBusy();
            PamtStats stats = encounter.endBoth();
            assertEquals(1, stats.calls().busy());
            assertEquals(0, stats.calls().busyAgain() + stats.calls().addFailures());
            assertEquals(2, stats.pairs().installed());
        }
    }

    @ParameterizedTest
    @MethodSource("strategiesThatTellRegionsApart")
    void anAddWhosePagesLieInARegionUnderWayWaitsIfThatIsLocked(LockStrategy strategy) throws Exception {
        ManagerBuilder builder = (ManagerBuilder) PamtManager.builder().lockStrategy(strategy);
        try (Encounter encounter = new Encounter(builder)) {
            encounter.startBoth();
            encounter.awaitParked();
            PamtStats stats = encounter.endBoth();
            assertEquals(0, stats.calls().busy());
            assertEquals(2, stats.pairs().installed());
        }
    }

    /** Two gets: the ADD of the first is inside the module, with its region locked, when the second donates pages of that region. */
    private static final class Encounter implements AutoCloseable {
        private static final long FIRST = TestHost.REGION;
        private static final long SECOND = TestHost.NEXT_REGION;

        private final Point inside = new Point();
        private final AtomicBoolean stops = new AtomicBoolean();
        private final SmallModule module = new SmallModule(FIRST, 3);
        private final PamtManager manager;
        private final List<Thread> threads = new ArrayList<>();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Encounter(ManagerBuilder builder) {
            module.entered = () -> {
                if (stops.compareAndSet(true, false)) {
                    inside.pass();
                }
            };
            manager = builder.seamcalls(module, PhysicalMemory.none())
                    .memory(MemoryMap.of(List.of(PhysicalRange.between(FIRST, FIRST + 3 * PageAllocator.CHUNK_BYTES))))
                    .allocator(new Donors())
                    .build();
        }

        void startBoth() {
            stops.set(true);
            start(FIRST);
            inside.awaitReached();
            start(SECOND);
        }

        private void start(long hpa) {
            Thread thread = new Thread(() -> manager.get(hpa));
            thread.setUncaughtExceptionHandler((where, thrown) -> failure.set(thrown));
            threads.add(thread);
            thread.start();
        }

        void awaitBusy() {
            while (manager.stats().calls().busy() == 0 && threads.get(1).isAlive()) {
                Thread.onSpinWait();
            }
        }

        void awaitParked() {
            while (threads.get(1).getState() != Thread.State.WAITING
                    && threads.get(1).isAlive()) {
                Thread.onSpinWait();
            }
        }

        PamtStats endBoth() throws InterruptedException {
            inside.open();
            for (Thread thread : threads) {
                thread.join();
            }
            assertNull(failure.get());
            PamtStats stats = manager.stats();
            manager.put(FIRST);
            manager.put(SECOND);
            return stats;
        }

        @Override
        public void close() {
            manager.close();
        }

        /** Gives the pages of a third region to the first get, and pages of the first get's region to the second. */
        private static final class Donors implements PageAllocator {
            private final ArrayDeque<Long> pages = new ArrayDeque<>(List.of(
                    SECOND + CHUNK_BYTES,
                    SECOND + CHUNK_BYTES + PAGE_BYTES,
                    FIRST + 256 * PAGE_BYTES,
                    FIRST + 257 * PAGE_BYTES));

            @Override
            public synchronized long allocPage() {
                return pages.remove();
            }

            @Override
            public synchronized void freePage(long hpa) {
                pages.add(hpa);
            }
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
        assertEquals(0, stats.pairs().installed());
        assertEquals(0, stats.calls().addFailures() + stats.calls().removeFailures());
        assertTrue(stats.calls().adds() > 1000, "transitions did happen: " + stats);
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
