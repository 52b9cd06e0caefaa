package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
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
        assertThrows(IllegalArgumentException.class, () -> Latency.exponential(5, 4, 6));
        LatencyPlan.Builder plan =
                LatencyPlan.builder().others(Latency.fixed(0)).seed(1);
        assertThrows(IllegalStateException.class, () -> plan.others(Latency.fixed(1)));
        assertThrows(IllegalStateException.class, () -> plan.seed(2));
    }

    @Test
    void thePresetKnowsAddAndRemove() {
        assertEquals(Latency.MEASURED_PAMT_ADD, LatencyPlan.measured().of(SeamcallLeaf.PHYMEM_PAMT_ADD));
        assertEquals(0, LatencyPlan.measured().of(SeamcallLeaf.SYS_RD).nanos(0.9));
    }
}
