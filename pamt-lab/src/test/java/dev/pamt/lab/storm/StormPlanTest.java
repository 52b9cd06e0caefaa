package dev.pamt.lab.storm;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
    void aSmallerStormIsTheSameOtherwise() {
        StormPlan plan = new StormPlan(3, GIB, 2, 9);
        assertEquals(new StormPlan(3, GIB / 2, 2, 9), plan.withMemoryUpTo(GIB / 2));
        assertEquals(plan, plan.withMemoryUpTo(4 * GIB));
    }
}
