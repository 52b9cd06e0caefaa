package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class TdxStatusTest {
    @Test
    void readsAsTheKernelPrintsIt() {
        assertEquals("TDX_OPERAND_BUSY|RDX (0x8000020000000002)", TdxStatus.toString(0x8000_0200_0000_0002L));
        assertEquals("TDX_OPERAND_INVALID|RAX (0xc000010000000000)", TdxStatus.toString(0xC000_0100_0000_0000L));
        assertEquals("TDX_SUCCESS (0x0000000000000000)", TdxStatus.toString(0));
        assertEquals("TDX_OPERAND_BUSY|TD_EPOCH (0x80000200000000a9)", TdxStatus.toString(0x8000_0200_0000_00A9L));
        assertEquals("unknown status (0x8000ff0000000001)", TdxStatus.toString(0x8000_FF00_0000_0001L));
    }

    @Test
    void doesNotTakeThePairPageIndexForARegister() {
        long secondPage = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1);

        assertNull(TdxStatus.operandOf(secondPage));
        assertEquals("TDX_PAMT_PAGE_NOT_EMPTY|0x1 (0xc000030600000001)", TdxStatus.toString(secondPage));
    }

    @Test
    void tellsErrorsFromNewsAndRecoverableFromFinal() {
        assertTrue(TdxStatus.isError(TdxStatus.OPERAND_BUSY.code()));
        assertTrue(TdxStatus.isRecoverable(TdxStatus.OPERAND_BUSY.code()));
        assertTrue(TdxStatus.isRecoverable(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.R8)));
        assertTrue(TdxStatus.isError(TdxStatus.PAGE_NOT_FREE.code()));
        assertFalse(TdxStatus.isRecoverable(TdxStatus.PAGE_NOT_FREE.code()));
        assertFalse(TdxStatus.isError(TdxStatus.SUCCESS.code()));
        assertFalse(TdxStatus.isError(TdxStatus.TDMR_ALREADY_INITIALIZED.code()));
        assertFalse(TdxStatus.isRecoverable(TdxStatus.TDMR_ALREADY_INITIALIZED.code()));
    }

    @Test
    void findsEveryStatusByItsWordAndDecodesIt() {
        Set<Long> codes = new HashSet<>();
        for (TdxStatus status : TdxStatus.values()) {
            assertTrue(codes.add(status.code()), status + " has the word of another status");
            assertSame(status, TdxStatus.of(status.with(0x1234)));
            assertTrue(status.matches(status.with(TdxOperand.R13)));
            assertEquals(13, TdxStatus.detailsOf(status.with(TdxOperand.R13)));
        }
        assertEquals(88, codes.size());
        assertEquals(0xff, TdxStatus.classOf(0x8000_ff00_0000_0000L));
        assertEquals(2, TdxStatus.classOf(TdxStatus.SYS_BUSY.code()));
        assertEquals(3, TdxStatus.classOf(TdxStatus.NO_PAMT_PAGE_PAIR.code()));
    }

    @Test
    void aStatusMatchesNoOtherWhateverTheDetails() {
        for (TdxStatus status : TdxStatus.values()) {
            for (TdxStatus other : TdxStatus.values()) {
                assertEquals(status == other, status.matches(other.with(TdxOperand.RDX)), status + " and " + other);
            }
            assertTrue(status.matches(status.with(0xFFFF_FFFF)), status + " with all details");
            for (int bit = Integer.SIZE; bit < Long.SIZE; bit++) {
                assertFalse(status.matches(status.code() ^ 1L << bit), status + " with bit " + bit + " turned");
            }
        }
    }

    @Test
    void aWordWithABitTurnedIsNotThatStatus() {
        for (TdxStatus status : TdxStatus.values()) {
            for (int bit = Integer.SIZE; bit < Long.SIZE; bit++) {
                assertNotSame(status, TdxStatus.of(status.code() ^ 1L << bit), status + " with bit " + bit + " turned");
            }
        }
        assertNull(TdxStatus.of(0x8000_FF00_0000_0001L));
    }
}
