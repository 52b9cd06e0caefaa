package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The locks of a transition where they lie in the words of the regions. */
class TransitionLocksTest {
    private static final long DONOR = 0x4000_0000L;
    private static final long TARGET = DONOR + 2 * RegionTable.REGION_BYTES;

    private final RegionTable table = new RegionTable(List.of(PhysicalRange.between(DONOR, DONOR + (1L << 30))));
    private final TransitionLocks locks =
            new TransitionLocks(LockStrategy.per2M().newLocks(null, table), new Counters(), null);
    private final Region target = table.region(TARGET);
    private final Region donor = table.region(DONOR);
    private final Transition transition = new Transition(target, TARGET, null);

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
}
