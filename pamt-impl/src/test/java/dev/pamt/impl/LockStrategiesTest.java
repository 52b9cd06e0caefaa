package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.LockStrategy;
import dev.pamt.tck.LockStrategyContractTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class LockStrategiesTest {
    @Nested
    class GlobalTest extends LockStrategyContractTest {
        @Override
        protected LockStrategy strategy() {
            return LockStrategy.global();
        }
    }

    @Nested
    class HashedTest extends LockStrategyContractTest {
        @Override
        protected LockStrategy strategy() {
            return LockStrategy.hashed(64);
        }
    }

    @Nested
    class HashedIntoOneTest extends LockStrategyContractTest {
        @Override
        protected LockStrategy strategy() {
            return LockStrategy.hashed(1);
        }
    }

    @Nested
    class Per2MTest extends LockStrategyContractTest {
        @Override
        protected LockStrategy strategy() {
            return LockStrategy.per2M();
        }
    }

    @Test
    void aNumberOfHashedLocksThatIsNoPowerOfTwoIsRefused() {
        for (int locks : new int[] {0, 3, -4, 8192}) {
            IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> LockStrategy.hashed(locks));
            assertEquals(
                    "the number of hashed locks is a power of two from 1 to 4096, not " + locks, refused.getMessage());
        }
    }

    @Test
    void hashedLocksSpreadNeighboursEvenly() {
        LockStrategy.RegionLocks locks = LockStrategy.hashed(64).newLocks(null, null);
        int[] regionsOf = new int[64];
        for (long region = 2048; region < 2048 + 64 * 100; region++) {
            regionsOf[(int) locks.lockOf(region)]++;
        }
        for (int lock = 0; lock < 64; lock++) {
            assertEquals(100, regionsOf[lock], 60, "regions of lock " + lock);
        }
    }
}
