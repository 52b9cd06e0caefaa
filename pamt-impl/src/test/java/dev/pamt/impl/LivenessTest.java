package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.lockstrategy.SemaphorePerGigabyte;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** No thread waits for ever: holders that are preempted, many threads, threads of one carrier, interrupts, callbacks. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LivenessTest {
    private static final int REGIONS = 4;
    private static final int PREEMPTED_MILLIS = 50;

    private final TdxHost host = TestHost.direct(PlatformConfig.builder());
    private final SeamcallProvider module = host.platform().processor(0);

    static Stream<LockStrategy> strategies() {
        return Stream.of(
                LockStrategy.global(), LockStrategy.hashed(2), LockStrategy.per2M(), new SemaphorePerGigabyte());
    }

    @AfterEach
    void close() {
        host.close();
    }

    private PamtManager manager(LockStrategy strategy, SeamcallProvider seamcalls) {
        return PamtManager.builder()
                .seamcalls(seamcalls, host.platform().memory())
                .memory(TestHost.MAP)
                .allocator(host.allocator())
                .lockStrategy(strategy)
                .build();
    }

    private static long hpa(int region) {
        return TestHost.REGION + region * PageAllocator.CHUNK_BYTES;
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void sixtyFourThreadsGetOnBehindHoldersThatArePreempted(LockStrategy strategy) throws Exception {
        AtomicInteger calls = new AtomicInteger();
        PamtManager manager = manager(strategy, (rax, regs) -> {
            if (calls.incrementAndGet() % 500 == 1) {
                sleep(PREEMPTED_MILLIS);
            }
            return module.seamcall(rax, regs);
        });
        AtomicLong longestNanos = new AtomicLong();
        ExecutorService threads = Executors.newFixedThreadPool(64);
        try {
            comeAndGo(manager, threads, 64, 100, REGIONS, longestNanos);
        } finally {
            threads.shutdownNow();
        }
        System.out.printf(
                "liveness, %s: 64 threads, holders preempted for %d ms: longest call %d ms%n",
                strategy.name(), PREEMPTED_MILLIS, longestNanos.get() / 1_000_000);
        assertNothingIsLeft(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "virtual threads came with Java 21")
    void tenThousandVirtualThreadsComeAndGo(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy, module);
        virtualThreadsComeAndGo(manager, 10_000);
        assertNothingIsLeft(manager);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "virtual threads came with Java 21")
    void virtualThreadsOfOneCarrierDoNotWaitForOneAnotherForEver(@TempDir Path directory) throws Exception {
        Path output = directory.resolve("output");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djdk.virtualThreadScheduler.parallelism=1",
                        "-Djdk.virtualThreadScheduler.maxPoolSize=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        OneCarrier.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertTrue(process.waitFor(100, TimeUnit.SECONDS), "it still waits");
        } finally {
            process.destroyForcibly();
        }
        assertEquals(0, process.exitValue(), Files.readString(output));
    }

    /** Runs in a JVM whose virtual threads have one carrier. */
    static final class OneCarrier {
        private OneCarrier() {}

        public static void main(String[] args) throws Exception {
            for (LockStrategy strategy : strategies().toList()) {
                LivenessTest test = new LivenessTest();
                PamtManager manager = test.manager(strategy, test.module);
                virtualThreadsComeAndGo(manager, 2_000);
                assertNothingIsLeft(manager);
                test.close();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aThreadThatIsInterruptedWhileItWaitsGetsTheRegionAndKeepsTheInterrupt(LockStrategy strategy) throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch letGo = new CountDownLatch(1);
        AtomicBoolean first = new AtomicBoolean(true);
        PamtManager manager = manager(strategy, (rax, regs) -> {
            if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax() && first.getAndSet(false)) {
                inside.countDown();
                awaitUninterrupted(letGo);
            }
            return module.seamcall(rax, regs);
        });
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            Future<?> holder = threads.submit(() -> manager.get(hpa(0)));
            inside.await();
            Thread[] waiting = new Thread[1];
            CountDownLatch started = new CountDownLatch(1);
            Future<Boolean> waiter = threads.submit(() -> {
                waiting[0] = Thread.currentThread();
                started.countDown();
                manager.get(hpa(0));
                return Thread.interrupted();
            });
            started.await();
            sleep(20);
            waiting[0].interrupt();
            sleep(20);
            assertTrue(!waiter.isDone(), "it waits for the region, interrupted or not");
            letGo.countDown();
            holder.get();
            assertTrue(waiter.get(), "the interrupt is kept");
        } finally {
            letGo.countDown();
            threads.shutdownNow();
        }
        manager.put(hpa(0), 2);
        manager.get(hpa(0));
        manager.put(hpa(0));
        assertNothingIsLeft(manager);
    }

    /** What is left in Java of an interrupt handler that puts: a callback on top of a call of the manager. */
    @ParameterizedTest
    @MethodSource("strategies")
    void theHostsAllocatorMayCallTheManager(LockStrategy strategy) {
        CallingAllocator allocator = new CallingAllocator();
        PamtManager manager = PamtManager.builder()
                .seamcalls(module, host.platform().memory())
                .memory(TestHost.MAP)
                .allocator(allocator)
                .lockStrategy(strategy)
                .build();
        allocator.call = () -> {
            manager.get(hpa(1));
            manager.put(hpa(1));
        };
        for (int i = 0; i < 10; i++) {
            manager.get(hpa(0));
            manager.put(hpa(0));
        }
        assertTrue(allocator.calls > 10, "the allocator did call");
        assertNothingIsLeft(manager);
    }

    @Test
    void aStormOfGettersTakesOneChunkAndNotOneEach() throws Exception {
        AtomicInteger chunks = new AtomicInteger();
        PageAllocator pages = new SlowChunks(chunks);
        PamtManager manager = PamtManager.builder()
                .seamcalls(module, host.platform().memory())
                .memory(TestHost.MAP)
                .allocator(pages)
                .build();
        ExecutorService threads = Executors.newFixedThreadPool(64);
        try {
            CountDownLatch start = new CountDownLatch(64);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                int region = i;
                all.add(threads.submit(() -> {
                    start.countDown();
                    awaitUninterrupted(start);
                    manager.get(hpa(region));
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }
        assertEquals(1, chunks.get(), "a chunk holds 256 pairs");
        for (int region = 0; region < 64; region++) {
            manager.put(hpa(region));
        }
        assertNothingIsLeft(manager);
    }

    private static void virtualThreadsComeAndGo(PamtManager manager, int count) throws Exception {
        ExecutorService threads = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            // No region may have more than 512 users.
            comeAndGo(manager, threads, count, 4, 1 + count / 256, new AtomicLong());
        } finally {
            threads.shutdownNow();
        }
    }

    private static void comeAndGo(
            PamtManager manager, ExecutorService threads, int count, int times, int regions, AtomicLong longestNanos)
            throws Exception {
        List<Future<?>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int thread = i;
            all.add(threads.submit(() -> {
                for (int j = 0; j < times; j++) {
                    long start = System.nanoTime();
                    long page = hpa((thread + j) % regions);
                    manager.get(page);
                    manager.put(page);
                    longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
                }
            }));
        }
        for (Future<?> one : all) {
            one.get();
        }
    }

    private static void assertNothingIsLeft(PamtManager manager) {
        manager.close();
        PamtStats stats = manager.stats();
        assertEquals(0, stats.pairs().installed());
        assertEquals(0, stats.calls().busy());
        assertEquals(0, stats.calls().addFailures() + stats.calls().removeFailures());
    }

    private static void sleep(int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    private static void awaitUninterrupted(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException unexpected) {
            throw new AssertionError(unexpected);
        }
    }

    /** Chunks that take their time, as those of an allocator that must compact memory first. */
    private record SlowChunks(AtomicInteger given) implements PageAllocator {
        @Override
        public long allocPage() {
            return NONE;
        }

        @Override
        public void freePage(long hpa) {
            throw new AssertionError("no page was given");
        }

        @Override
        public long allocChunk() {
            sleep(20);
            return 0x1_0000_0000L + given.getAndIncrement() * CHUNK_BYTES;
        }

        @Override
        public void freeChunk(long hpa) {
            assertEquals(0, hpa % CHUNK_BYTES);
        }
    }

    /** Calls back, but for the calls that its own callbacks make. */
    private static final class CallingAllocator implements PageAllocator {
        private Runnable call;
        private int calls;
        private int next;
        private boolean inside;

        @Override
        public long allocPage() {
            callBack();
            return TestHost.REGION + REGIONS * CHUNK_BYTES + next++ * PAGE_BYTES;
        }

        @Override
        public void freePage(long hpa) {
            callBack();
        }

        private void callBack() {
            if (!inside) {
                inside = true;
                calls++;
                call.run();
                inside = false;
            }
        }
    }
}
