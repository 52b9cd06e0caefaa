package dev.pamt.tck;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.LockStrategy.RegionLocks;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
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
public abstract class LockStrategyContractTest extends LocksUnderTest {
    private static final int THREADS = 4;
    private static final int WAITERS = 16;
    private static final int VIRTUAL_THREADS = 1000;

    /** How long a thread takes that is about to wait, on a machine that is busy with other things. */
    private static final long SETTLING_MILLIS = 50;

    /** Makes the test; JUnit does. */
    protected LockStrategyContractTest() {}

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
}
