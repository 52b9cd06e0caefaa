package dev.pamt.seamcall.emulator.pamt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** The bits of a PAMT entry: what each change leaves of the view before it. */
class PamtEntryTest {
    private static final long TDR = 0xABC_DEF1_2345_6000L & (1L << 52) - 1;
    private static final long PAGE0 = 0x1_2345_6000L;
    private static final long PAGE1 = 0x9_8765_4000L;
    private static final long LOCK = 0x8005;

    private final long[] words = {7, LOCK, 0x0FFF_FFFF, 7};

    private void assertWords(long word0, long word1) {
        assertEquals(Long.toHexString(word0), Long.toHexString(words[1]));
        assertEquals(Long.toHexString(word1), Long.toHexString(words[2]));
        assertArrayEquals(new long[] {7, 7}, new long[] {words[0], words[3]});
    }

    @Test
    void typeAndOwnerLeaveTheLockAndTheOtherWord() {
        PamtEntry.setTypeAndOwner(words, 1, PageType.EPT, TDR);
        assertWords(TDR >>> 12 << 24 | 8 << 16 | LOCK, 0x0FFF_FFFF);
        assertEquals(PageType.EPT, PamtEntry.type(words, 1));
        assertEquals(TDR, PamtEntry.ownerHpa(words, 1));
        PamtEntry.setType(words, 1, PageType.NDA);
        assertWords(TDR >>> 12 << 24 | LOCK, 0x0FFF_FFFF);
    }

    @Test
    void aNewPairClearsTheSecondWordAndKeepsTheLowBitsOfTheOwner() {
        PamtEntry.setTypeAndOwner(words, 1, PageType.REG, TDR);
        PamtEntry.setPair(words, 1, PAGE0, PAGE1, 0, true);
        assertWords(PAGE0 >>> 12 << 28 | (TDR >>> 12 & 0xF) << 24 | 15 << 16 | LOCK, PAGE1 >>> 12 << 28);
        assertEquals(PAGE0, PamtEntry.pairPage0(words, 1));
        assertEquals(PAGE1, PamtEntry.pairPage1(words, 1));
        assertEquals(0, PamtEntry.pageCount(words, 1));
    }

    @Test
    void thePairOfASplitPageKeepsTheHighBitsOfItsEpoch() {
        words[2] = 0x7_A5A5_A7FFL;
        PamtEntry.setPair(words, 1, PAGE0, PAGE1, 512, false);
        assertWords(PAGE0 >>> 12 << 28 | 15 << 16 | LOCK, PAGE1 >>> 12 << 28 | 0x05A5_A400 | 512);
        assertEquals(512, PamtEntry.pageCount(words, 1));
    }

    @Test
    void theLastPageThatGoesIsTold() {
        words[2] = PAGE1 >>> 12 << 28;
        PamtEntry.incrementPageCount(words, 1);
        PamtEntry.incrementPageCount(words, 1);
        assertFalse(PamtEntry.decrementPageCount(words, 1));
        assertTrue(PamtEntry.decrementPageCount(words, 1));
        assertWords(LOCK, PAGE1 >>> 12 << 28);
    }
}
