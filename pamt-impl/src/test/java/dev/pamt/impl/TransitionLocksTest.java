package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The locks of a transition: where they lie in the words of the regions, and where they are the user's. */
class TransitionLocksTest {
    private static final long DONOR = 0x4000_0000L;
    private static final long TARGET = DONOR + 2 * RegionTable.REGION_BYTES;

    private final RegionTable table = new RegionTable(List.of(PhysicalRange.between(DONOR, DONOR + (1L << 30))));
    private final Counters counters = new Counters();
    private final TransitionLocks locks =
            new TransitionLocks(LockStrategy.per2M().newLocks(null, table), counters, null);
    private final Region target = table.region(TARGET);
    private final Region donor = table.region(DONOR);
    private final Transition transition = new Transition(target, TARGET, null);

    /** Locks of a strategy that are not in the words: each call is noted, and some are taken by others, or cannot be taken. */
    private static final class NotedLocks implements LockStrategy.RegionLocks {
        final List<String> calls = new ArrayList<>();
        final Set<Long> taken = new HashSet<>();
        final Set<Long> broken = new HashSet<>();

        @Override
        public long lockOf(long region) {
            return region;
        }

        @Override
        public boolean tryLock(long lock) {
            if (broken.contains(lock)) {
                throw new UnsupportedOperationException("a fault of the strategy");
            }
            calls.add((taken.contains(lock) ? "find taken " : "take ") + lock);
            return !taken.contains(lock);
        }

        @Override
        public void lock(long lock) {
            calls.add("wait for " + lock);
        }

        @Override
        public void unlock(long lock) {
            calls.add("give back " + lock);
        }
    }

    private static boolean isLocked(Region region) {
        return (region.word() & RegionWord.LOCKED) != 0;
    }

    @Test
    void theLocksOfTargetAndDonorsAreTakenAndGivenBack() {
        transition.pair = new PagePair(DONOR, DONOR + RegionTable.REGION_BYTES, false);
        locks.lock(transition);
        assertEquals(3, transition.locksTaken);
        assertTrue(isLocked(target) && isLocked(donor));
        locks.unlock(transition);
        assertFalse(isLocked(target) || isLocked(donor));
    }

    @Test
    void aTransitionThatHasOnlyADonorsLockGivesThatBackAndNotTheTargets() {
        transition.pair = new PagePair(DONOR, DONOR, false);
        locks.lock(transition);
        // As it is when the lock of the target could not be taken, because another transition has it.
        transition.locksTaken = 1;
        locks.unlock(transition);
        assertFalse(isLocked(donor));
        assertTrue(isLocked(target));
    }

    @Test
    void theStateChangesWithTheLock() {
        locks.lock(transition);
        transition.nextState = RegionWord.backed(3);
        assertEquals(RegionWord.EMPTY, target.state());
        locks.unlock(transition);
        assertEquals(RegionWord.backed(3), target.word());
    }

    @Test
    void theStateChangesIfThreadsAreParkedForTheLockAsWell() throws InterruptedException {
        locks.lock(transition);
        transition.nextState = RegionWord.HUGE;
        Transition second = new Transition(target, TARGET, null);
        Thread waiter = new Thread(() -> {
            locks.lock(second);
            second.nextState = RegionWord.DONOR;
            locks.unlock(second);
        });
        waiter.start();
        while (waiter.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        locks.unlock(transition);
        waiter.join(20_000);
        assertFalse(waiter.isAlive(), "the thread that is parked is woken");
        assertEquals(RegionWord.DONOR, target.word());
    }

    @Test
    void attemptsOfOthersAreWipedWithTheStateAndLeftWithoutOne() {
        locks.lock(transition);
        int[] words = table.words(TARGET);
        RegionTable.faa(words, RegionTable.slot(TARGET), 2 * RegionWord.USER);
        locks.unlock(transition);
        assertTrue(RegionWord.hasAttempts(target.word()));
        locks.lock(transition);
        transition.nextState = RegionWord.backed(1);
        locks.unlock(transition);
        assertEquals(RegionWord.backed(1), target.word());
    }

    @Test
    void theLocksAreGivenBackWhicheverOfThemIsTheTargets() {
        Transition lowest = new Transition(donor, DONOR, null);
        lowest.pair = new PagePair(DONOR + RegionTable.REGION_BYTES, TARGET, false);
        locks.lock(lowest);
        assertEquals(3, lowest.locksTaken);
        locks.unlock(lowest);
        assertFalse(isLocked(donor) || isLocked(table.region(DONOR + RegionTable.REGION_BYTES)) || isLocked(target));
    }

    @Test
    void eachLockIsTakenOnceInAscendingOrderAndGivenBackOnce() {
        long donorLock = donor.number();
        long middle = donorLock + 1;
        long targetLock = target.number();
        List<PagePair> pairs = List.of(
                new PagePair(TARGET, TARGET + PageAllocator.PAGE_BYTES, false),
                new PagePair(TARGET, DONOR, false),
                new PagePair(DONOR + RegionTable.REGION_BYTES, DONOR, false));
        List<List<Long>> wanted =
                List.of(List.of(targetLock), List.of(donorLock, targetLock), List.of(donorLock, middle, targetLock));
        for (int i = 0; i < pairs.size(); i++) {
            NotedLocks noted = new NotedLocks();
            TransitionLocks others = new TransitionLocks(noted, counters, null);
            Transition donating = new Transition(target, TARGET, null);
            donating.pair = pairs.get(i);
            List<String> expected = new ArrayList<>();
            wanted.get(i).forEach(lock -> expected.add("take " + lock));
            others.lock(donating);
            assertEquals(expected, noted.calls);
            others.unlock(donating);
            List<Long> reversed = new ArrayList<>(wanted.get(i));
            Collections.reverse(reversed);
            reversed.forEach(lock -> expected.add("give back " + lock));
            assertEquals(expected, noted.calls);
        }
    }

    @Test
    void aLockThatCouldNotBeTakenIsNotGivenBackAndNotTimed() {
        for (long broken : new long[] {donor.number(), target.number()}) {
            NotedLocks noted = new NotedLocks();
            noted.broken.add(broken);
            TransitionTimes times = new TransitionTimes();
            TransitionLocks others = new TransitionLocks(noted, counters, times);
            Transition donating = new Transition(target, TARGET, null);
            donating.pair = new PagePair(DONOR, TARGET, false);
            assertThrows(UnsupportedOperationException.class, () -> others.lock(donating));
            assertEquals(
                    broken == donor.number()
                            ? List.of()
                            : List.of("take " + donor.number(), "give back " + donor.number()),
                    noted.calls);
            assertTrue(times.holdNanos() < TimeUnit.MINUTES.toNanos(1), "no lock was held since the clock began");
            assertEquals(broken == donor.number(), times.holdNanos() == 0);
        }
    }

    @Test
    void aLockThatIsTakenByOthersIsWaitedForAndTheWaitIsCounted() {
        NotedLocks noted = new NotedLocks();
        noted.taken.add(target.number());
        TransitionLocks others = new TransitionLocks(noted, counters, null);
        others.lock(transition);
        assertEquals(List.of("find taken " + target.number(), "wait for " + target.number()), noted.calls);
        long waited = counters.waitNanos.get();
        assertTrue(waited > 0 && waited < TimeUnit.MINUTES.toNanos(1), () -> waited + " ns");
    }

    @Test
    void aTakenLockThatNoTransitionHasHeldIsContendedTrulyIfItIsTheTargetsOwn() {
        NotedLocks noted = new NotedLocks();
        noted.taken.add(target.number());
        TransitionLocks others = new TransitionLocks(noted, counters, null);
        others.lock(transition);
        assertEquals(1, counters.contendedTrue.get());
        assertEquals(0, counters.contendedFalse.get());
        noted.taken.add(donor.number());
        Transition donating = new Transition(table.region(DONOR + RegionTable.REGION_BYTES), DONOR, null);
        donating.pair = new PagePair(DONOR, DONOR, false);
        others.lock(donating);
        assertEquals(1, counters.contendedTrue.get());
        assertEquals(1, counters.contendedFalse.get(), "it is a donor's");
    }

    @Test
    void aLockIsKnownForTheTransitionThatHasItThoughOtherLocksWereTakenMeanwhile() {
        NotedLocks noted = new NotedLocks();
        TransitionLocks others = new TransitionLocks(noted, counters, null);
        transition.pair = new PagePair(DONOR, TARGET, false);
        others.lock(transition);
        long far = DONOR + 7 * RegionTable.REGION_BYTES;
        Transition beside = new Transition(table.region(far), far, null);
        others.lock(beside);
        others.unlock(beside);
        noted.taken.add(donor.number());
        others.lock(new Transition(donor, DONOR, null));
        assertEquals(0, counters.contendedTrue.get());
        assertEquals(1, counters.contendedFalse.get(), "it is held for another target");
        noted.taken.add(target.number());
        others.lock(new Transition(target, TARGET, null));
        assertEquals(1, counters.contendedTrue.get(), "it is held for the same target");
    }
}
