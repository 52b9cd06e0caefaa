package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LatencyInjectionTest {
    private static final long MILLISECOND = 1_000_000;

    @Test
    void aLeafTakesAsLongAsThePlanSaysAndOthersDoNot() {
        SeamcallProvider slow = new LatencyInjection(LatencyPlan.builder()
                        .leaf(SeamcallLeaf.PHYMEM_PAMT_ADD, Latency.fixed(20 * MILLISECOND))
                        .build())
                .decorate((rax, regs) -> 9, 0);
        long start = System.nanoTime();
        assertEquals(9, slow.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), new SeamcallRegisters()));
        assertTrue(System.nanoTime() - start >= 20 * MILLISECOND);
        assertEquals(9, slow.seamcall(12345, new SeamcallRegisters()), "an unknown leaf is called, too");
    }

    @Test
    void theMeasuredTimesStayWithinTheirBoundsAndHaveAboutTheirMean() {
        double sum = 0;
        int draws = 10_000;
        for (int i = 0; i < draws; i++) {
            long nanos = Latency.MEASURED_PAMT_ADD.nanos((i + 0.5) / draws);
            assertTrue(nanos >= 2_000 && nanos <= 18_000, () -> nanos + " ns");
            sum += nanos;
        }
        assertEquals(4_000, sum / draws, 50);
    }

    @Test
    void aPlanRefusesWhatMakesNoSense() {
        assertThrows(IllegalArgumentException.class, () -> Latency.fixed(-1));
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> Latency.exponential(5, 4, 6));
        assertEquals("times are 0 <= shortest <= mean <= longest, not 5, 4, 6", refused.getMessage());
        assertThrows(IllegalArgumentException.class, () -> Latency.exponential(-1, 4, 6));
        assertThrows(IllegalArgumentException.class, () -> Latency.exponential(1, 4, 3));
        LatencyPlan.Builder plan =
                LatencyPlan.builder().others(Latency.fixed(0)).seed(1);
        assertThrows(IllegalStateException.class, () -> plan.others(Latency.fixed(1)));
        assertThrows(IllegalStateException.class, () -> plan.seed(2));
    }

    @Test
    void nothingCanBeSetTwice() {
        LatencyPlan.Builder plan = LatencyPlan.builder().leaf(SeamcallLeaf.SYS_RD, Latency.fixed(1));
        IllegalStateException refused =
                assertThrows(IllegalStateException.class, () -> plan.leaf(SeamcallLeaf.SYS_RD, Latency.fixed(2)));
        assertEquals("the latency of TDH.SYS.RD was set before", refused.getMessage());
    }

    @Test
    void exponentialTimesBeginWithTheShortestAndAreCutToTheLongest() {
        Latency latency = Latency.exponential(1_000, 3_000, 11_000);
        assertEquals(1_000, latency.nanos(0));
        assertEquals(1_000 + Math.round(2_000 * Math.log(2)), latency.nanos(0.5));
        assertEquals(11_000, latency.nanos(Math.nextDown(1.0)));
        assertEquals(0, Latency.exponential(0, 0, 0).nanos(0.5), "all three may be the same");
    }

    @Test
    void aLeafWithoutTimeOfItsOwnTakesThatOfTheOthers() {
        LatencyPlan plan = LatencyPlan.builder()
                .leaf(SeamcallLeaf.SYS_RD, Latency.fixed(1))
                .others(Latency.fixed(2))
                .build();
        assertEquals(1, plan.of(SeamcallLeaf.SYS_RD).nanos(0));
        assertEquals(2, plan.of(SeamcallLeaf.SYS_INIT).nanos(0));
        assertEquals(2, plan.of(null).nanos(0), "an unknown leaf");
    }

    @Test
    void timesAreDrawnBySplitMix64FromTheSeed() {
        List<Double> drawn = new ArrayList<>();
        SeamcallProvider provider = new LatencyInjection(LatencyPlan.builder()
                        .others(uniform -> {
                            drawn.add(uniform);
                            return 0;
                        })
                        .seed(7)
                        .build())
                .decorate((rax, regs) -> 0, 0);
        for (int i = 0; i < 3; i++) {
            provider.seamcall(0, new SeamcallRegisters());
        }
        SplittableRandom same = new SplittableRandom(7);
        assertEquals(List.of(same.nextDouble(), same.nextDouble(), same.nextDouble()), drawn);
    }

    @Test
    void thePresetKnowsAddAndRemove() {
        assertEquals(Latency.MEASURED_PAMT_ADD, LatencyPlan.measured().of(SeamcallLeaf.PHYMEM_PAMT_ADD));
        assertEquals(Latency.MEASURED_PAMT_REMOVE, LatencyPlan.measured().of(SeamcallLeaf.PHYMEM_PAMT_REMOVE));
        assertEquals(0, LatencyPlan.measured().of(SeamcallLeaf.SYS_RD).nanos(0.9));
    }
}
