package dev.pamt.tck;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.LockStrategy.RegionBits;
import dev.pamt.api.LockStrategy.RegionLocks;
import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * What every {@link LockStrategy} must do, built in or a user's own: the rules LS-1 to LS-10. Extend it, and give the strategy.
 *
 * <p>A failure begins with the rule that is broken. A thread that is left waiting is reported when no thread has got on for {@link
 * #patience}; the tests after that one are skipped, because their threads would wait as well.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class LockStrategyContractTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final int ADDRESS_BITS = 52;
    private static final int REGIONS_PER_RANGE = 8;
    private static final int THREADS = 4;
    private static final int WAITERS = 16;
    private static final int VIRTUAL_THREADS = 1000;
    private static final int MANY_LOCKS = 80;

    /** How long a thread takes that is about to wait, on a machine that is busy with other things. */
    private static final long SETTLING_MILLIS = 50;

    private volatile String leftWaiting;
    private long[] regions;
    private RegionLocks locks;

    /** Makes the test; JUnit does. */
    protected LockStrategyContractTest() {}

    /**
     * The strategy under test.
     *
     * @return the strategy
     */
    protected abstract LockStrategy strategy();

    /**
     * The memory that locks are made for; the tests take regions of its RAM. Unless overridden, it reaches from the first
     * MiB to the top of 52 bits, with holes.
     *
     * @return a memory map with at least 1 GiB of RAM
     */
    protected MemoryMap memory() {
        List<PhysicalRange> ram = new ArrayList<>();
        ram.add(PhysicalRange.between(MIB, 2 * GIB));
        ram.add(PhysicalRange.between(4 * GIB, 34 * GIB));
        for (int bit = 37; bit < ADDRESS_BITS; bit++) {
            ram.add(PhysicalRange.between(1L << bit, (1L << bit) + GIB));
        }
        ram.add(PhysicalRange.between((1L << ADDRESS_BITS) - GIB, 1L << ADDRESS_BITS));
        return MemoryMap.of(ram);
    }

    /**
     * For how long no thread may get on before one counts as left waiting.
     *
     * @return a time that a slow machine does not need
     */
    protected Duration patience() {
        return Duration.ofSeconds(10);
    }

    /**
     * For how long threads compete for a lock, in each test that has them do so.
     *
     * @return a time that is enough for what happens once in many thousand turns
     */
    protected Duration competition() {
        return Duration.ofMillis(300);
    }

    @BeforeEach
    void makeLocks() {
        if (leftWaiting != null) {
            abort("a thread was left waiting in a test before this one: " + leftWaiting);
        }
        MemoryMap memory = memory();
        regions = memory.ram().stream()
                .flatMapToLong(LockStrategyContractTest::someOf)
                .sorted()
                .distinct()
                .toArray();
        locks = strategy().newLocks(memory, new SpareBits());
    }

    /** Regions that begin in a range: the first two, the last one, and some between them. */
    private static LongStream someOf(PhysicalRange range) {
        long size = PageLevel.SIZE_2M.bytes();
        long first = range.baseHpa() / size;
        long last = (range.endHpa() - 1) / size;
        return LongStream.concat(
                LongStream.of(first, Math.min(first + 1, last), last),
                LongStream.range(1, REGIONS_PER_RANGE).map(i -> first + (last - first) * i / REGIONS_PER_RANGE));
    }

    private long lowest() {
        return regions[0];
    }

    private long highest() {
        return regions[regions.length - 1];
    }

    private long[] someRegions(int count) {
        return LongStream.range(0, count)
                .map(i -> regions[(int) (i * (regions.length - 1) / (count - 1))])
                .toArray();
    }

    /** Locks of their own numbers, in ascending order; all are free. */
    private long[] distinctLocks() {
        long[] distinct = Arrays.stream(someRegions(MANY_LOCKS))
                .peek(region -> takeAndLeaveFree(locks, region))
                .map(locks::lockOf)
                .toArray();
        return Arrays.stream(distinct).sorted().distinct().toArray();
    }

    private String named(long region) {
        return "lock " + locks.lockOf(region) + " of region " + region;
    }

    /** Waits for threads that must all come to their end, and reports the rule if they do not. */
    private void finish(Crew crew, String rule, String format, Object... arguments) throws Exception {
        if (!crew.ends(patience())) {
            AssertionError broken = BrokenRule.of(
                    rule, format + "; no thread has got on for " + patience().toSeconds() + " s", arguments);
            leftWaiting = broken.getMessage();
            throw broken;
        }
    }

    /** Takes a lock that is free, or reports that it could not be had. */
    private static long takeFree(RegionLocks locks, long region) {
        long lock = locks.lockOf(region);
        if (!locks.tryLock(lock)) {
            throw BrokenRule.of("LS-3", "tryLock has refused lock %d of region %d, which no thread held", lock, region);
        }
        return lock;
    }

    private static void takeAndLeaveFree(RegionLocks locks, long region) {
        locks.unlock(takeFree(locks, region));
    }

    @Test
    void ls1HasAName() {
        String name = strategy().name();
        if (name == null || name.isBlank()) {
            throw BrokenRule.of("LS-1", "the name is '%s'", name);
        }
        String again = strategy().name();
        if (!name.equals(again)) {
            throw BrokenRule.of("LS-1", "the name was '%s' and then '%s'", name, again);
        }
    }

    @Test
    void ls2ARegionHasAlwaysTheSameLock() throws Exception {
        long[] lockOf = Arrays.stream(regions).map(locks::lockOf).toArray();
        try (Crew crew = Crew.ofPlatformThreads()) {
            for (int i = 0; i < THREADS; i++) {
                crew.add(() -> askForAll(lockOf, "as another thread asked"));
            }
            crew.add(() -> {
                for (int i = 0; i < regions.length; i++) {
                    locks.lock(lockOf[i]);
                    same(i, lockOf, "while its lock was held");
                    locks.unlock(lockOf[i]);
                    same(i, lockOf, "after its lock was held");
                    crew.advances();
                }
            });
            finish(crew, "LS-3", "a lock that no other thread wanted was not got");
        }
        askForAll(lockOf, "later");
    }

    private void askForAll(long[] lockOf, String when) {
        for (int i = 0; i < regions.length; i++) {
            same(i, lockOf, when);
        }
    }

    private void same(int index, long[] lockOf, String when) {
        long lock = locks.lockOf(regions[index]);
        if (lock != lockOf[index]) {
            throw BrokenRule.of(
                    "LS-2", "region %d had lock %d, and %s lock %d", regions[index], lockOf[index], when, lock);
        }
    }

    @Test
    void ls3AFreeLockIsTakenAtOnce() throws Exception {
        try (Crew crew = Crew.ofPlatformThreads()) {
            crew.add(() -> {
                for (long region : regions) {
                    long lock = locks.lockOf(region);
                    for (int i = 0; i < 2; i++) {
                        takeAndLeaveFree(locks, region);
                        locks.lock(lock);
                        locks.unlock(lock);
                    }
                    crew.advances();
                }
            });
            finish(crew, "LS-3", "a free lock was not got");
        }
    }

    @Test
    void ls4TryLockDoesNotWait() throws Exception {
        for (long region : someRegions(WAITERS)) {
            long lock = takeFree(locks, region);
            try (Crew crew = Crew.ofPlatformThreads()) {
                crew.add(() -> {
                    if (locks.tryLock(lock)) {
                        locks.unlock(lock);
                    }
                });
                finish(crew, "LS-4", "tryLock has not returned while another thread held %s", named(region));
            }
            locks.unlock(lock);
        }
    }

    @Test
    void ls5EveryWaiterGetsTheLockAfterAHolderThatWasPreempted() throws Exception {
        for (long region : new long[] {lowest(), highest()}) {
            AtomicInteger served = new AtomicInteger();
            long lock = takeFree(locks, region);
            try (Crew crew = Crew.ofPlatformThreads()) {
                for (int i = 0; i < WAITERS; i++) {
                    crew.add(() -> {
                        locks.lock(lock);
                        served.incrementAndGet();
                        locks.unlock(lock);
                    });
                }
                crew.start();
                Thread.sleep(SETTLING_MILLIS);
                if (served.get() != 0) {
                    throw BrokenRule.of("LS-6", "%d threads have got %s, which is held", served.get(), named(region));
                }
                locks.unlock(lock);
                finish(crew, "LS-5", "some of %d threads have not got %s, which was left", WAITERS, named(region));
            }
            takeAndLeaveFree(locks, region);
        }
    }

    @Test
    void ls5NoThreadIsLeftWaitingWhenManyCompete() throws Exception {
        for (long region : new long[] {lowest(), highest()}) {
            long lock = locks.lockOf(region);
            compete("LS-5", THREADS, () -> {
                locks.lock(lock);
                locks.unlock(lock);
            });
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21, disabledReason = "virtual threads came with Java 21")
    void ls5AThousandVirtualThreadsTakeTurns() throws Exception {
        long lock = locks.lockOf(lowest());
        int[] inside = new int[1];
        try (Crew crew = Crew.ofVirtualThreads()) {
            for (int i = 0; i < VIRTUAL_THREADS; i++) {
                crew.add(() -> {
                    locks.lock(lock);
                    inside[0]++;
                    LockSupport.parkNanos(1_000);
                    locks.unlock(lock);
                });
            }
            finish(crew, "LS-5", "some of %d virtual threads have not got %s", VIRTUAL_THREADS, named(lowest()));
        }
        if (inside[0] != VIRTUAL_THREADS) {
            throw BrokenRule.of(
                    "LS-6", "%d virtual threads have counted to %d under one lock", VIRTUAL_THREADS, inside[0]);
        }
    }

    @Test
    void ls6AHeldLockIsHadByNoOtherThreadInAnyRegion() throws Exception {
        for (long region : regions) {
            boolean[] held = {true};
            CountDownLatch refused = new CountDownLatch(1);
            long lock = takeFree(locks, region);
            try (Crew crew = Crew.ofPlatformThreads()) {
                crew.add(() -> {
                    if (locks.tryLock(lock)) {
                        throw BrokenRule.of("LS-6", "tryLock has given away %s, which is held", named(region));
                    }
                    refused.countDown();
                    locks.lock(lock);
                    synchronized (held) {
                        if (held[0]) {
                            throw BrokenRule.of("LS-6", "lock has given away %s, which is held", named(region));
                        }
                    }
                    locks.unlock(lock);
                });
                crew.start();
                while (!crew.hasFailed() && !refused.await(1, TimeUnit.MILLISECONDS)) {
                    Thread.onSpinWait();
                }
                // Time for a lock that is given away to be so; it need not always be enough, there are many regions.
                LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(200));
                synchronized (held) {
                    held[0] = false;
                }
                locks.unlock(lock);
                finish(crew, "LS-5", "a thread has not got %s, which was left", named(region));
            }
        }
    }

    /** By lock, by tryLock, and by both. */
    @Test
    void ls6OneThreadAtATimeHoldsALockThatManyWant() throws Exception {
        int threads = Math.max(2, Math.min(THREADS, Runtime.getRuntime().availableProcessors()));
        for (long region : new long[] {lowest(), regions[regions.length / 2], highest()}) {
            for (Taking taking : Taking.values()) {
                onlyOneInside(threads, region, taking);
            }
        }
    }

    private enum Taking {
        LOCK,
        TRY_LOCK,
        BOTH
    }

    private void onlyOneInside(int threads, long region, Taking taking) throws Exception {
        long lock = locks.lockOf(region);
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger entered = new AtomicInteger();
        int[] counted = new int[1];
        AtomicInteger turns = new AtomicInteger();
        compete("LS-5", threads, () -> {
            boolean tries = taking == Taking.TRY_LOCK || (taking == Taking.BOTH && (turns.getAndIncrement() & 1) == 0);
            if (!tries) {
                locks.lock(lock);
            } else if (!locks.tryLock(lock)) {
                return;
            }
            int others = inside.getAndIncrement();
            counted[0]++;
            entered.getAndIncrement();
            others += inside.getAndDecrement() - 1;
            locks.unlock(lock);
            if (others != 0) {
                throw BrokenRule.of("LS-6", "two threads have held %s at once, taken by %s", named(region), taking);
            }
        });
        if (counted[0] != entered.get()) {
            throw BrokenRule.of(
                    "LS-6",
                    "a holder of %s has not seen what the one before it wrote: %d turns counted as %d, taken by %s",
                    named(region),
                    entered.get(),
                    counted[0],
                    taking);
        }
    }

    /** What a thread does again and again. */
    private interface Turn {
        void take();
    }

    /** Threads that all want the same for a while; the rule is broken if one of them is left waiting. */
    private void compete(String rule, int threads, Turn turn) throws Exception {
        try (Crew crew = Crew.ofPlatformThreads()) {
            CountDownLatch together = new CountDownLatch(threads);
            for (int i = 0; i < threads; i++) {
                crew.add(() -> {
                    together.countDown();
                    together.await();
                    long end = System.nanoTime() + competition().toNanos();
                    while (System.nanoTime() < end && !crew.hasFailed()) {
                        turn.take();
                        crew.advances();
                    }
                });
            }
            finish(crew, rule, "some of %d threads that took turns have not got their locks", threads);
        }
    }

    @Test
    void ls7AThreadTakesALockWhileItHoldsOthers() throws Exception {
        long[] distinct = distinctLocks();
        try (Crew crew = Crew.ofPlatformThreads()) {
            crew.add(() -> takeAll(distinct));
            finish(crew, "LS-7", "a thread has not got a lock while it held others");
        }
        for (long lock : distinct) {
            locks.unlock(lock);
        }
    }

    private void takeAll(long[] distinct) {
        for (int i = 0; i < distinct.length; i++) {
            if (!locks.tryLock(distinct[i])) {
                throw BrokenRule.of(
                        "LS-7", "tryLock has refused the free lock %d to a thread that held %d others", distinct[i], i);
            }
        }
    }

    @Test
    void ls7AnUnlockConcernsTheWaiterOfItsOwnLockAndNoOther() throws Exception {
        long[] contended = distinctLocks();
        takeAll(contended);
        AtomicInteger[] served = new AtomicInteger[contended.length];
        List<Crew> waiters = new ArrayList<>();
        try {
            for (int i = 0; i < contended.length; i++) {
                long lock = contended[i];
                AtomicInteger mine = new AtomicInteger();
                served[i] = mine;
                waiters.add(Crew.running(() -> {
                    locks.lock(lock);
                    mine.incrementAndGet();
                    locks.unlock(lock);
                }));
            }
            Thread.sleep(SETTLING_MILLIS);
            for (int i = contended.length - 1; i >= 0; i--) {
                for (int other = 0; other <= i; other++) {
                    if (served[other].get() != 0) {
                        throw BrokenRule.of("LS-6", "a waiter has got lock %d, which is held", contended[other]);
                    }
                }
                locks.unlock(contended[i]);
                finish(
                        waiters.get(i),
                        "LS-7",
                        "the waiter of lock %d has not got it after its unlock, while threads wait for %d other locks",
                        contended[i],
                        i);
            }
        } finally {
            waiters.forEach(Crew::close);
        }
    }

    @Test
    void ls7SetsOfLocksTakenInAscendingOrderDoNotDeadlock() throws Exception {
        long[] some = someRegions(8);
        AtomicInteger seeds = new AtomicInteger();
        ThreadLocal<Random> random = ThreadLocal.withInitial(() -> new Random(seeds.getAndIncrement()));
        compete("LS-7", THREADS, () -> {
            long[] set = random.get()
                    .ints(3, 0, some.length)
                    .mapToLong(index -> locks.lockOf(some[index]))
                    .sorted()
                    .distinct()
                    .toArray();
            for (long lock : set) {
                locks.lock(lock);
            }
            for (long lock : set) {
                locks.unlock(lock);
            }
        });
    }

    @Test
    void ls8AnInterruptedWaiterStillGetsTheLockAndKeepsItsInterruptStatus() throws Exception {
        long region = lowest();
        Thread[] waiter = new Thread[1];
        CountDownLatch waiting = new CountDownLatch(1);
        AtomicInteger returned = new AtomicInteger();
        long lock = takeFree(locks, region);
        try (Crew crew = Crew.running(() -> {
            waiter[0] = Thread.currentThread();
            waiting.countDown();
            waitInterrupted(lock);
            returned.incrementAndGet();
            if (!Thread.interrupted()) {
                throw BrokenRule.of("LS-8", "the interrupt status of a thread that waited for a lock is gone");
            }
            locks.unlock(lock);
        })) {
            waiting.await();
            Thread.sleep(SETTLING_MILLIS);
            waiter[0].interrupt();
            Thread.sleep(SETTLING_MILLIS);
            if (crew.hasFailed() || returned.get() != 0) {
                crew.ends(patience());
                throw BrokenRule.of("LS-8", "an interrupt has ended the wait for %s, which is held", named(region));
            }
            locks.unlock(lock);
            finish(crew, "LS-8", "a thread that was interrupted has not got %s, which was left", named(region));
        }
        takeAndLeaveFree(locks, region);
    }

    private void waitInterrupted(long lock) {
        try {
            locks.lock(lock);
        } catch (RuntimeException thrown) {
            throw BrokenRule.of(thrown, "LS-8", "lock has thrown %s in a thread that was interrupted", thrown);
        }
    }

    @Test
    void ls8TheInterruptStatusIsAfterEveryLockAsItWasBefore() throws Exception {
        long lock = locks.lockOf(lowest());
        AtomicInteger turns = new AtomicInteger();
        compete("LS-5", THREADS, () -> {
            int turn = turns.getAndIncrement();
            boolean interrupted = turn % 2 == 0;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            waitInterrupted(lock);
            if (turn % 64 == 0) {
                // Long enough for the others to be parked.
                LockSupport.parkNanos(50_000);
            }
            locks.unlock(lock);
            if (Thread.interrupted() != interrupted) {
                throw BrokenRule.of(
                        "LS-8", "the interrupt status was %s before lock and %s after it", interrupted, !interrupted);
            }
        });
    }

    @Test
    void ls9TheLocksOfTwoManagersAreApart() throws Exception {
        RegionLocks others = strategy().newLocks(memory(), new SpareBits());
        long region = highest();
        takeAndLeaveFree(others, region);
        long lock = takeFree(locks, region);
        try (Crew crew = Crew.running(() -> {
            if (!others.tryLock(others.lockOf(region))) {
                throw BrokenRule.of("LS-9", "%s is held by another manager's thread, and refused", named(region));
            }
            others.unlock(others.lockOf(region));
        })) {
            finish(crew, "LS-9", "tryLock has not returned while another manager's %s was held", named(region));
        } finally {
            locks.unlock(lock);
        }
    }

    /** All other tests have these bits as well, and report LS-10. */
    @Test
    void ls10OfTheBitsOfARegionTheValues0To3AreUsed() throws Exception {
        try (Crew crew = Crew.running(() -> takeAndLeaveFree(locks, highest()))) {
            finish(crew, "LS-3", "a free lock was not got");
        }
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
            if (((expected | update) & ~3) != 0) {
                throw BrokenRule.of(
                        "LS-10", "compareAndSet from %d to %d of the bits of region %d", expected, update, region);
            }
            return of(region).compareAndSet(expected, update);
        }

        private AtomicInteger of(long region) {
            return bits.computeIfAbsent(region, key -> new AtomicInteger());
        }
    }
}
