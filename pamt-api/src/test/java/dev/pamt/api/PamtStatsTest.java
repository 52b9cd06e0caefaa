package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PamtStatsTest {
    /** Every component has its number, from 1. */
    private static final PamtStats COUNTED =
            new PamtStats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);

    @Test
    void aPairIsTwoPages() {
        assertEquals(8192, PamtStats.PAIR_BYTES);
    }

    @Test
    void bytesAreThoseOfThePairs() {
        assertEquals(14, COUNTED.installedPairs());
        assertEquals(14 * 8192, COUNTED.installedBytes());
        assertEquals(15, COUNTED.peakPairs());
        assertEquals(15 * 8192, COUNTED.peakBytes());
    }

    @Test
    void contendedAreTheTrueAndTheFalseOnesTogether() {
        assertEquals(11, COUNTED.contendedTrue());
        assertEquals(12, COUNTED.contendedFalse());
        assertEquals(23, COUNTED.contended());
    }
}
