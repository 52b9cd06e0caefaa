package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class PhysicalRangeTest {
    private static final long TOP = 1L << 52;

    private final PhysicalRange range = new PhysicalRange(0x1000, 0x2000);

    @Test
    void aRangeHasAtLeastOneByteAndLiesBelowTheTop() {
        assertEquals(1, new PhysicalRange(0, 1).endHpa());
        assertEquals(TOP, new PhysicalRange(0, TOP).endHpa());
        assertEquals(TOP, new PhysicalRange(TOP - 1, 1).endHpa());
        for (long[] refused : new long[][] {
            {-1, 2},
            {0, 0},
            {0x1000, -1},
            {0, TOP + 1},
            {TOP - 1, 2},
            {TOP, 1},
            {1, Long.MAX_VALUE},
            {Long.MAX_VALUE, 1}
        }) {
            assertThrows(IllegalArgumentException.class, () -> new PhysicalRange(refused[0], refused[1]));
        }
    }

    @Test
    void aRefusedRangeIsNamedInTheMessage() {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> new PhysicalRange(0x1000, 0));
        assertEquals(
                "a range has at least one byte and lies below 2^52; base 0x1000 with 0x0 bytes does not",
                refused.getMessage());
    }

    @Test
    void aRangeCanBeMadeFromItsEnds() {
        assertEquals(range, PhysicalRange.between(0x1000, 0x3000));
        assertThrows(IllegalArgumentException.class, () -> PhysicalRange.between(0x1000, 0x1000));
    }

    @Test
    void theFirstAddressBelongsToARangeAndTheEndDoesNot() {
        assertFalse(range.contains(0xfff));
        assertTrue(range.contains(0x1000));
        assertTrue(range.contains(0x2fff));
        assertFalse(range.contains(0x3000));
    }

    @Test
    void aRangeContainsItselfAndNothingThatLooksOut() {
        assertTrue(range.contains(range));
        assertTrue(range.contains(new PhysicalRange(0x1001, 1)));
        assertFalse(range.contains(new PhysicalRange(0xfff, 0x2001)));
        assertFalse(range.contains(new PhysicalRange(0x1000, 0x2001)));
    }

    @Test
    void rangesThatTouchDoNotOverlap() {
        for (PhysicalRange apart : List.of(new PhysicalRange(0, 0x1000), new PhysicalRange(0x3000, 1))) {
            assertFalse(range.overlaps(apart));
            assertFalse(apart.overlaps(range));
        }
        for (PhysicalRange one : List.of(new PhysicalRange(0, 0x1001), new PhysicalRange(0x2fff, 1), range)) {
            assertTrue(range.overlaps(one));
            assertTrue(one.overlaps(range));
        }
    }

    @Test
    void rangesAreOrderedByBaseAndThenByLength() {
        assertEquals(-1, range.compareTo(new PhysicalRange(0x1001, 1)));
        assertEquals(1, range.compareTo(new PhysicalRange(0xfff, 0x9000)));
        assertEquals(-1, range.compareTo(new PhysicalRange(0x1000, 0x2001)));
        assertEquals(1, range.compareTo(new PhysicalRange(0x1000, 0x1fff)));
        assertEquals(0, range.compareTo(new PhysicalRange(0x1000, 0x2000)));
    }

    @Test
    void aRangeReadsAsTheKernelPrintsIt() {
        assertEquals("[0x1000, 0x3000)", range.toString());
    }
}
