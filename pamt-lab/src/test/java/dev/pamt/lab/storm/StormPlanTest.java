package dev.pamt.lab.storm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StormPlanTest {
    private static final long GIB = 1L << 30;

    @Test
    void everyBlockBelongsToOneVcpu() {
        StormPlan plan = new StormPlan(1, 10 * StormPlan.BLOCK_BYTES, 4, 1);
        assertEquals(0, plan.firstBlock(0));
        assertEquals(2, plan.firstBlock(1));
        assertEquals(5, plan.firstBlock(2));
        assertEquals(7, plan.firstBlock(3));
        assertEquals(10, plan.firstBlock(4));
    }

    @Test
    void secureEptHasAPageForEach2MAndTheLevelsAbove() {
        // 512 for the 2M blocks, then one each for 1G, 512G and 256T; the root is part of the control structure.
        assertEquals(512 + 1 + 1 + 1, ControlPages.septPages(512));
        assertEquals(513 + 2 + 1 + 1, ControlPages.septPages(513));
        int blocks = 3 * 512 + 1;
        int begun = 0;
        for (int block = 0; block < blocks; block++) {
            begun += ControlPages.septPagesAt(block);
        }
        assertEquals(ControlPages.septPages(blocks), begun);
    }

    @Test
    void theMemoryNeededIsThatOfThePagesAndTheirPairs() {
        ControlPages control = new ControlPages(1, 6, 6);
        long needed = control.pagesNeeded(new StormPlan(10, GIB, 4, 1));
        long used = 10 * (262_144 + 515 + 7 + 4 * 6);
        assertTrue(needed > used + 2 * used / 512, () -> "needed " + needed);
        assertTrue(needed < used * 1.01, () -> "needed " + needed);
    }

    @Test
    void aSmallerStormIsTheSameOtherwise() {
        StormPlan plan = new StormPlan(3, GIB, 2, 9);
        assertEquals(new StormPlan(3, GIB / 2, 2, 9), plan.withMemoryUpTo(GIB / 2));
        assertEquals(plan, plan.withMemoryUpTo(4 * GIB));
    }
}
