package dev.pamt.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.LockStrategy.RegionBits;
import dev.pamt.api.LockStrategy.RegionLocks;
import dev.pamt.api.MemoryMap;
import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * What every {@link LockStrategy} must do, built in or a user's own: extend it, and give the strategy.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class LockStrategyContractTest {
    private static final int ROUNDS = 20_000;
    private static final long[] REGIONS = {0, 1, 2, 511, 512, 2048, 123_456, (1L << 31) - 1};

    private RegionLocks locks;

    /** Makes the test; JUnit does. */
    protected LockStrategyContractTest() {}

    /**
     * The strategy under test.
     *
     * @return the strategy
     */
    protected abstract LockStrategy strategy();

    @BeforeEach
    void makeLocks() {
        locks = strategy().newLocks(MemoryMap.synthetic(), new SpareBits());
    }

    @Test
    void hasAName() {
        assertFalse(strategy().name().isBlank());
    }

    @Test
    void aRegionHasAlwaysTheSameLock() {
        for (long region : REGIONS) {
            long lock = locks.lockOf(region);
            locks.lock(lock);
            assertEquals(lock, locks.lockOf(region), "region " + region + " while its lock is held");
            locks.unlock(lock);
            assertEquals(lock, locks.lockOf(region), "region " + region + " after its lock was held");
        }
    }

    @Test
    void aFreeLockIsTakenAtOnce() {
        for (long region : REGIONS) {
            assertTrue(locks.tryLock(locks.lockOf(region)), "region " + region);
            locks.unlock(locks.lockOf(region));
            assertTrue(locks.tryLock(locks.lockOf(region)), "region " + region + " for the second time");
            locks.unlock(locks.lockOf(region));
        }
    }

    @Test
    void aHeldLockIsRefusedToOthers() throws Exception {
        long lock = locks.lockOf(7);
        locks.lock(lock);
        assertFalse(inAnotherThread(() -> locks.tryLock(lock)));
        locks.unlock(lock);
        assertTrue(inAnotherThread(() -> {
            boolean taken = locks.tryLock(lock);
            locks.unlock(lock);
            return taken;
        }));
    }

    @Test
    void theLocksOfTwoManagersAreApart() throws Exception {
        RegionLocks others = strategy().newLocks(MemoryMap.synthetic(), new SpareBits());
        locks.lock(locks.lockOf(3));
        assertTrue(inAnotherThread(() -> {
            others.lock(others.lockOf(3));
            others.unlock(others.lockOf(3));
            return true;
        }));
        locks.unlock(locks.lockOf(3));
    }

    @Test
    void onlyOneThreadAtATimeIsInARegion() throws Exception {
        int[] inside = new int[1];
        hammer(4, thread -> {
            for (int i = 0; i < ROUNDS; i++) {
                locks.lock(locks.lockOf(42));
                inside[0]++;
                locks.unlock(locks.lockOf(42));
            }
        });
        assertEquals(4 * ROUNDS, inside[0]);
    }

    @Test
    void tryLockAndLockExcludeEachOther() throws Exception {
        int[] inside = new int[1];
        AtomicInteger entered = new AtomicInteger();
        hammer(4, thread -> {
            for (int i = 0; i < ROUNDS; i++) {
                if (thread % 2 == 0) {
                    locks.lock(locks.lockOf(42));
                } else if (!locks.tryLock(locks.lockOf(42))) {
                    continue;
                }
                inside[0]++;
                locks.unlock(locks.lockOf(42));
                entered.incrementAndGet();
            }
        });
        assertEquals(entered.get(), inside[0]);
    }

    @Test
    void setsOfLocksTakenInAscendingOrderDoNotDeadlock() throws Exception {
        int[] inside = new int[REGIONS.length];
        int[] expected = new int[REGIONS.length];
        List<Random> randoms = List.of(new Random(1), new Random(2), new Random(3), new Random(4));
        hammer(4, thread -> {
            int[] mine = new int[REGIONS.length];
            for (int i = 0; i < ROUNDS / 4; i++) {
                int[] three = randoms.get(thread)
                        .ints(3, 0, REGIONS.length)
                        .distinct()
                        .toArray();
                long[] set = LongStream.of(REGIONS[three[0]], REGIONS[three[three.length - 1]])
                        .map(locks::lockOf)
                        .sorted()
                        .distinct()
                        .toArray();
                for (long lock : set) {
                    locks.lock(lock);
                }
                inside[three[0]]++;
                mine[three[0]]++;
                for (long lock : set) {
                    locks.unlock(lock);
                }
            }
            synchronized (expected) {
                for (int i = 0; i < mine.length; i++) {
                    expected[i] += mine[i];
                }
            }
        });
        for (int i = 0; i < REGIONS.length; i++) {
            assertEquals(expected[i], inside[i], "region " + REGIONS[i]);
        }
    }

    @Test
    void everyWaiterGetsTheLockAfterAHolderThatWasPreempted() throws Exception {
        long lock = locks.lockOf(9);
        AtomicInteger served = new AtomicInteger();
        locks.lock(lock);
        List<Thread> waiters = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            waiters.add(start(() -> {
                locks.lock(lock);
                served.incrementAndGet();
                locks.unlock(lock);
            }));
        }
        Thread.sleep(50);
        assertEquals(0, served.get());
        locks.unlock(lock);
        for (Thread waiter : waiters) {
            waiter.join();
        }
        assertEquals(16, served.get());
        assertTrue(locks.tryLock(lock), "the lock is free after the last waiter has left");
    }

    @Test
    void anInterruptedWaiterStillGetsTheLockAndKeepsItsInterruptStatus() throws Exception {
        long lock = locks.lockOf(9);
        CountDownLatch waiting = new CountDownLatch(1);
        boolean[] interruptKept = new boolean[1];
        locks.lock(lock);
        Thread waiter = start(() -> {
            waiting.countDown();
            locks.lock(lock);
            interruptKept[0] = Thread.currentThread().isInterrupted();
            locks.unlock(lock);
        });
        waiting.await();
        Thread.sleep(20);
        waiter.interrupt();
        Thread.sleep(20);
        assertTrue(waiter.isAlive(), "an interrupt does not end the wait");
        locks.unlock(lock);
        waiter.join();
        assertTrue(interruptKept[0]);
        assertTrue(locks.tryLock(lock), "the lock is not lost");
    }

    @Test
    void theInterruptStatusIsAfterEveryLockAsItWasBefore() throws Exception {
        AtomicInteger wrong = new AtomicInteger();
        hammer(4, thread -> {
            boolean interrupted = thread % 2 == 0;
            for (int i = 0; i < ROUNDS / 4; i++) {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
                locks.lock(locks.lockOf(42));
                if (i % 64 == 0) {
                    // Long enough for the others to be parked.
                    LockSupport.parkNanos(50_000);
                }
                locks.unlock(locks.lockOf(42));
                if (Thread.interrupted() != interrupted) {
                    wrong.incrementAndGet();
                }
            }
        });
        assertEquals(0, wrong.get());
    }

    @Test
    void aLockThatIsLeftWakesItsOwnWaiterAndNoOther() throws Exception {
        long[] contended = LongStream.range(0, 100_000)
                .map(region -> locks.lockOf(region * 67))
                .distinct()
                .limit(80)
                .toArray();
        AtomicInteger[] served = new AtomicInteger[contended.length];
        List<Thread> waiters = new ArrayList<>();
        for (int i = 0; i < contended.length; i++) {
            int number = i;
            served[i] = new AtomicInteger();
            locks.lock(contended[i]);
            waiters.add(start(() -> {
                locks.lock(contended[number]);
                served[number].incrementAndGet();
                locks.unlock(contended[number]);
            }));
        }
        Thread.sleep(50);
        for (int i = contended.length - 1; i >= 0; i--) {
            for (int other = 0; other <= i; other++) {
                assertEquals(0, served[other].get(), "lock " + contended[other] + " is held");
            }
            locks.unlock(contended[i]);
            waiters.get(i).join();
            assertEquals(1, served[i].get());
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "virtual threads came with Java 21")
    void aThousandVirtualThreadsTakeTurns() throws Exception {
        int[] inside = new int[1];
        try (VirtualThreads threads = VirtualThreads.open()) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                all.add(threads.executor.submit(() -> {
                    locks.lock(locks.lockOf(42));
                    inside[0]++;
                    LockSupport.parkNanos(1_000);
                    locks.unlock(locks.lockOf(42));
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
        assertEquals(1000, inside[0]);
    }

    /** What a thread does, given its number. */
    private interface Work {
        void run(int thread) throws InterruptedException;
    }

    private static void hammer(int threads, Work work) throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            CountDownLatch start = new CountDownLatch(threads);
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                all.add(executor.submit(() -> {
                    start.countDown();
                    start.await();
                    work.run(thread);
                    return null;
                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        } finally {
            executor.shutdownNow();
        }
    }

    private static boolean inAnotherThread(Callable<Boolean> question) throws Exception {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            return executor.submit(question).get(Duration.ofSeconds(30).toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            throw new AssertionError(failed.getCause());
        } finally {
            executor.shutdownNow();
        }
    }

    private static Thread start(Runnable work) {
        Thread thread = new Thread(work, "waiter");
        thread.start();
        return thread;
    }

    /** Two bits for each region that is asked for. */
    private static final class SpareBits implements RegionBits {
        private final ConcurrentHashMap<Long, AtomicInteger> bits = new ConcurrentHashMap<>();

        @Override
        public int get(long region) {
            return of(region).get();
        }

        @Override
        public boolean compareAndSet(long region, int expected, int update) {
            assertTrue(expected >= 0 && expected <= 3 && update >= 0 && update <= 3, "a strategy has two bits");
            return of(region).compareAndSet(expected, update);
        }

        private AtomicInteger of(long region) {
            return bits.computeIfAbsent(region, key -> new AtomicInteger());
        }
    }

    /** An executor of virtual threads, reached by reflection because the bytecode is Java 17's. */
    private record VirtualThreads(ExecutorService executor) implements AutoCloseable {
        static VirtualThreads open() throws ReflectiveOperationException {
            try {
                return new VirtualThreads((ExecutorService) Executors.class
                        .getMethod("newVirtualThreadPerTaskExecutor")
                        .invoke(null));
            } catch (InvocationTargetException failed) {
                throw new IllegalStateException(failed.getCause());
            }
        }

        @Override
        public void close() {
            executor.shutdownNow();
        }
    }
}
