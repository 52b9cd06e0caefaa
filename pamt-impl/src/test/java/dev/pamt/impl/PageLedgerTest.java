package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Who has a page: one holder at a time, and of two threads that give it back one does. */
class PageLedgerTest {
    private static final long HPA = TestHost.REGION;
    private static final int ROUNDS = 300_000;

    private final PageLedger ledger = new PageLedger(TestHost.MAP.ram());

    @Test
    void theSecondHolderIsRefusedOfEveryPageAndLeavesNothingBehind() {
        ledger.prepare(HPA);
        for (long hpa = HPA; hpa < HPA + 64 * 4096; hpa += 4096) {
            for (Holder first : Holder.values()) {
                for (Holder second : Holder.values()) {
                    assertTrue(ledger.enter(hpa, first));
                    assertFalse(ledger.enter(hpa, second));
                    assertEquals(first == second, ledger.strikeOut(hpa, second));
                    assertEquals(first != second, ledger.strikeOut(hpa, first));
                    assertFalse(ledger.hasAnyOf(HPA));
                }
            }
        }
    }

    @Test
    void theRegionsWithPagesAreListedOnceAndInOrder() {
        assertEquals(List.of(), ledger.regions());
        assertFalse(ledger.strikeOut(HPA, Holder.CALLER), "no page of its gigabyte was ever given");
        long gibibyte = 1L << 30;
        List<Long> pages = List.of(0x10_0000L, gibibyte - 4096, gibibyte, gibibyte + 4096, HPA);
        for (long hpa : pages) {
            ledger.prepare(hpa);
            assertTrue(ledger.enter(hpa, Holder.CALLER));
        }
        assertEquals(List.of(0L, gibibyte - RegionTable.REGION_BYTES, gibibyte, HPA), ledger.regions());
        for (long hpa : pages) {
            assertTrue(ledger.strikeOut(hpa, Holder.CALLER));
        }
        assertEquals(List.of(), ledger.regions());
    }

    @Test
    void aPageFarAboveTheOthersIsListedAsWell() {
        long far = 3L << 40;
        PageLedger wide = new PageLedger(
                List.of(PhysicalRange.between(0, 1L << 30), PhysicalRange.between(far, far + (1L << 30))));
        wide.prepare(far + 4096);
        assertTrue(wide.enter(far + 4096, Holder.PAIR));
        assertEquals(List.of(far), wide.regions());
    }

    @Test
    void aPageHasOneHolder() {
        ledger.prepare(HPA);
        assertTrue(ledger.enter(HPA, Holder.CALLER));
        assertFalse(ledger.enter(HPA, Holder.CALLER));
        assertFalse(ledger.enter(HPA, Holder.PAIR));
        assertFalse(ledger.strikeOut(HPA, Holder.PAIR));
        assertTrue(ledger.enter(HPA + 4096, Holder.PAIR), "a neighbour in the same word");
        assertTrue(ledger.strikeOut(HPA, Holder.CALLER));
        assertFalse(ledger.strikeOut(HPA, Holder.CALLER));
        assertTrue(ledger.hasAnyOf(HPA));
        assertTrue(ledger.strikeOut(HPA + 4096, Holder.PAIR));
        assertFalse(ledger.hasAnyOf(HPA));
    }

    @Test
    void ofTwoThreadsThatStrikeAPageOutOneDoes() throws Exception {
        ledger.prepare(HPA);
        AtomicInteger struckOut = new AtomicInteger();
        AtomicInteger round = new AtomicInteger();
        AtomicInteger ready = new AtomicInteger();
        Thread other = new Thread(() -> {
            for (int i = 1; i <= ROUNDS; i++) {
                ready.set(i);
                while (round.get() < i) {
                    Thread.onSpinWait();
                }
                struckOut.addAndGet(ledger.strikeOut(HPA, Holder.CALLER) ? 1 : 0);
            }
        });
        other.start();
        for (int i = 1; i <= ROUNDS; i++) {
            while (ready.get() < i) {
                Thread.onSpinWait();
            }
            assertTrue(ledger.enter(HPA, Holder.CALLER));
            round.set(i);
            struckOut.addAndGet(ledger.strikeOut(HPA, Holder.CALLER) ? 1 : 0);
            while (i < ROUNDS && ready.get() <= i) {
                Thread.onSpinWait();
            }
        }
        other.join(TimeUnit.MINUTES.toMillis(1));
        assertEquals(ROUNDS, struckOut.get());
    }
}
