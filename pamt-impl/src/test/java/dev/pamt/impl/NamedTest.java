package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Strategies and policies by the names that command lines give them. */
class NamedTest {
    private static String refused(Runnable call) {
        return assertThrows(IllegalArgumentException.class, call::run).getMessage();
    }

    @Test
    void aStrategyIsFoundByItsNameInAnyCaseAndByTheNameThatItReports() {
        assertEquals(LockStrategy.global(), LockStrategy.named("global"));
        assertEquals(LockStrategy.per2M(), LockStrategy.named("PER2M"));
        assertEquals(LockStrategy.hashed(), LockStrategy.named("hashed"));
        assertEquals(LockStrategy.hashed(128), LockStrategy.named("hashed:128"));
        for (LockStrategy strategy : List.of(LockStrategy.global(), LockStrategy.hashed(), LockStrategy.hashed(8))) {
            assertEquals(strategy, LockStrategy.named(strategy.name()));
        }
    }

    @Test
    void aNameThatIsNoStrategysIsRefusedWithThoseThatAre() {
        assertEquals(
                "'spin' is no lock strategy; there are global, hashed, hashed:N, per2M",
                refused(() -> LockStrategy.named("spin")));
        assertEquals(
                "'' is no lock strategy; there are global, hashed, hashed:N, per2M",
                refused(() -> LockStrategy.named("")));
        assertEquals("'hashed:x': 'x' is no number", refused(() -> LockStrategy.named("hashed:x")));
        assertEquals(
                "'hashed:3': the number of hashed locks is a power of two from 1 to 4096, not 3",
                refused(() -> LockStrategy.named("hashed:3")));
        assertEquals("'global:2': the strategy takes no argument", refused(() -> LockStrategy.named("global:2")));
    }

    @Test
    void aPolicyIsFoundByItsName() {
        assertEquals(ReclaimPolicy.eager(), ReclaimPolicy.named("eager"));
        assertEquals(ReclaimPolicy.keepIdle(16), ReclaimPolicy.named("keepIdle:16"));
        assertEquals(
                ReclaimPolicy.keepIdle(16),
                ReclaimPolicy.named(ReclaimPolicy.keepIdle(16).name()));
        assertEquals(
                "'lazy' is no reclaim policy; there are eager, keepIdle:N", refused(() -> ReclaimPolicy.named("lazy")));
        assertEquals("'keepIdle': '' is no number", refused(() -> ReclaimPolicy.named("keepIdle")));
        assertEquals("'eager:1': the policy takes no argument", refused(() -> ReclaimPolicy.named("eager:1")));
    }

    @Test
    void theNumberOfHashedLocksGoesByTheMemory() {
        long[][] locksOfGibibytes = {{1, 64}, {64, 64}, {65, 128}, {1000, 1024}, {4096, 4096}, {65_536, 4096}};
        for (long[] expected : locksOfGibibytes) {
            MemoryMap memory = MemoryMap.of(List.of(PhysicalRange.between(1L << 30, (1L + expected[0]) << 30)));
            assertEquals(expected[1], LockStrategies.HashedByMemory.locksFor(memory), expected[0] + " GiB");
        }
    }
}
