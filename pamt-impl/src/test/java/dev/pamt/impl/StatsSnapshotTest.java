package dev.pamt.impl;

import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.impl.StatsSnapshot.LockCounts;
import dev.pamt.impl.StatsSnapshot.PairCounts;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Numbers that are made of others, and times that are measured only if a user wants to know. */
class StatsSnapshotTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    @Test
    void aPairIsTwoPages() {
        assertEquals(8192, PamtStats.PAIR_BYTES);
        PamtStats.Pairs pairs = new PairCounts(14, 15, 1, 2, 3, 4);
        assertEquals(14 * 8192, pairs.installedBytes());
        assertEquals(15 * 8192, pairs.peakBytes());
    }

    @Test
    void contendedAreTheTrueAndTheFalseOnesTogether() {
        PamtStats.Locks locks = new LockCounts(1, 11, 12, 4, 5, 6);
        assertEquals(23, locks.contended());
    }

    @Test
    void transitionsAreNotTimedUnlessThatIsAskedFor() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        manager.put(REGION);
        assertEquals(0, manager.stats().locks().holdNanos());
        assertEquals(0, manager.stats().locks().cpuNanos());
        manager.close();
    }

    @Test
    void transitionsThatAreTimedHoldTheirLocksForAsLongAsTheirCallsTake() {
        PamtManager manager = rig.builder().timeTransitions().build();
        rig.call = (module, rax, regs) -> {
            long end = System.nanoTime() + 3_000_000;
            while (System.nanoTime() < end) {
                Thread.onSpinWait();
            }
            return module.seamcall(rax, regs);
        };
        long start = System.nanoTime();
        manager.get(REGION);
        manager.put(REGION);
        long elapsed = System.nanoTime() - start;
        PamtStats.Locks locks = manager.stats().locks();
        assertTrue(locks.holdNanos() >= 6_000_000 && locks.holdNanos() <= elapsed, locks::toString);
        assertTrue(locks.cpuNanos() > 0 && locks.cpuNanos() <= 2 * elapsed, locks::toString);
        manager.close();
    }
}
