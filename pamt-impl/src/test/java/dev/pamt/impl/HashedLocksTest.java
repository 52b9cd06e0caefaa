package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** How many locks there are, and that each is one. */
class HashedLocksTest {
    private static final int LOCKS = 8;

    @Test
    void regionsAreSpreadOverAllLocksAndEachLockIsHeldByItself() {
        LockStrategy.RegionLocks locks = LockStrategy.hashed(LOCKS).newLocks(TestHost.MAP, null);
        Set<Long> numbers = new TreeSet<>();
        for (long region = 0; region < 1000; region++) {
            numbers.add(locks.lockOf(region));
        }
        assertEquals(LongStream.range(0, LOCKS).boxed().collect(Collectors.toSet()), numbers);
        for (long number : numbers) {
            assertTrue(locks.tryLock(number));
        }
        for (long number : numbers) {
            assertFalse(locks.tryLock(number));
            locks.unlock(number);
            assertTrue(locks.tryLock(number));
        }
    }

    @Test
    void aHostOfThreeGibibytesHas64LocksUnlessTheUserSaysOtherwise() {
        LockStrategy.RegionLocks locks = LockStrategy.hashed().newLocks(TestHost.MAP, null);
        Set<Long> numbers = new TreeSet<>();
        for (long region = 0; region < 10_000; region++) {
            numbers.add(locks.lockOf(region));
        }
        assertEquals(64, numbers.size());
    }

    @Test
    void thereIsOneLockAtLeastAnd4096AtMost() {
        assertEquals("hashed(1)", LockStrategy.hashed(1).name());
        assertEquals("hashed(4096)", LockStrategy.hashed(4096).name());
        for (int refused : new int[] {0, -1, 3, 8192, Integer.MIN_VALUE}) {
            assertThrows(IllegalArgumentException.class, () -> LockStrategy.hashed(refused));
        }
    }

    @Test
    void aStrategyHasAName() {
        assertEquals("global", LockStrategy.global().name());
        assertEquals("hashed", LockStrategy.hashed().name());
        assertEquals("per2M", LockStrategy.per2M().name());
    }
}
