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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;

/** The locks of a test of {@link LockStrategyContractTest}, the regions that it takes, and threads that compete for them. */
abstract class LocksUnderTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final int ADDRESS_BITS = 52;
    private static final int REGIONS_PER_RANGE = 8;
    private static final int MANY_LOCKS = 80;

    private volatile String leftWaiting;
    long[] regions;
    RegionLocks locks;

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
                .flatMapToLong(LocksUnderTest::someOf)
                .sorted()
                .distinct()
                .toArray();
        locks = strategy().newLocks(memory, new SpareBits());
    }

    /** Regions that begin in a range: the first two, the last one, and some between them. */
    static LongStream someOf(PhysicalRange range) {
        long size = PageLevel.SIZE_2M.bytes();
        long first = range.baseHpa() / size;
        long last = (range.endHpa() - 1) / size;
        return LongStream.concat(
                LongStream.of(first, Math.min(first + 1, last), last),
                LongStream.range(1, REGIONS_PER_RANGE).map(i -> first + (last - first) * i / REGIONS_PER_RANGE));
    }

    long lowest() {
        return regions[0];
    }

    long highest() {
        return regions[regions.length - 1];
    }

    long[] someRegions(int count) {
        return LongStream.range(0, count)
                .map(i -> regions[(int) (i * (regions.length - 1) / (count - 1))])
                .toArray();
    }

    /** Locks of their own numbers, in ascending order; all are free. */
    long[] distinctLocks() {
        long[] distinct = Arrays.stream(someRegions(MANY_LOCKS))
                .peek(region -> takeAndLeaveFree(locks, region))
                .map(locks::lockOf)
                .toArray();
        return Arrays.stream(distinct).sorted().distinct().toArray();
    }

    String named(long region) {
        return "lock " + locks.lockOf(region) + " of region " + region;
    }

    /** Waits for threads that must all come to their end, and reports the rule if they do not. */
    void finish(Crew crew, String rule, String format, Object... arguments) throws Exception {
        if (!crew.ends(patience())) {
            AssertionError broken = BrokenRule.of(
                    rule, format + "; no thread has got on for " + patience().toSeconds() + " s", arguments);
            leftWaiting = broken.getMessage();
            throw broken;
        }
    }

    /** Takes a lock that is free, or reports that it could not be had. */
    static long takeFree(RegionLocks locks, long region) {
        long lock = locks.lockOf(region);
        if (!locks.tryLock(lock)) {
            throw BrokenRule.of("LS-3", "tryLock has refused lock %d of region %d, which no thread held", lock, region);
        }
        return lock;
    }

    static void takeAndLeaveFree(RegionLocks locks, long region) {
        locks.unlock(takeFree(locks, region));
    }

    enum Taking {
        LOCK,
        TRY_LOCK,
        BOTH
    }

    void onlyOneInside(int threads, long region, Taking taking) throws Exception {
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
    interface Turn {
        void take();
    }

    /** Threads that all want the same for a while; the rule is broken if one of them is left waiting. */
    void compete(String rule, int threads, Turn turn) throws Exception {
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

    /** Two bits for each region that is asked for. */
    static final class SpareBits implements RegionBits {
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

        AtomicInteger of(long region) {
            return bits.computeIfAbsent(region, key -> new AtomicInteger());
        }
    }
}
