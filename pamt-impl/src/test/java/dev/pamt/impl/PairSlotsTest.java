package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A slot has one pair, which is found by its region, by its address or by the slot's number, and is taken once. */
class PairSlotsTest {
    private static final long REGION = TestHost.REGION;
    private static final long PAIR = 0x1_0000_4000L;

    private final PairSlots slots = new PairSlots();

    /** What lies in the slots, each of which is empty afterwards. */
    private List<Long> all() {
        List<Long> pairs = new ArrayList<>();
        for (int slot = 0; slot < PairSlots.SLOTS; slot++) {
            long pair = slots.takeAny(slot);
            if (pair != PairSlots.NONE) {
                pairs.add(pair);
            }
        }
        return pairs;
    }

    @Test
    void aPairIsTakenByItsRegionAndByNoOther() {
        assertNull(slots.take(REGION));
        assertTrue(slots.put(REGION, PAIR));
        assertFalse(slots.put(REGION, PAIR + PagePair.BYTES));
        assertEquals(1, slots.pairs());
        assertEquals(PagePair.ofChunk(PAIR), slots.take(REGION));
        assertNull(slots.take(REGION));
        assertEquals(0, slots.pairs());
    }

    @Test
    void aPairIsTakenOutAgainUnlessItIsGone() {
        assertTrue(slots.put(REGION, PAIR));
        assertFalse(slots.takeOut(REGION, PAIR + PagePair.BYTES), "another pair");
        assertTrue(slots.takeOut(REGION, PAIR));
        assertFalse(slots.takeOut(REGION, PAIR));
        assertEquals(List.of(), all());
    }

    @Test
    void aPairIsFoundByTheNumberOfItsSlot() {
        for (long pair : new long[] {0, PAIR}) {
            assertTrue(slots.put(REGION, pair));
            assertEquals(List.of(pair), all());
            assertEquals(List.of(), all());
        }
    }
}
