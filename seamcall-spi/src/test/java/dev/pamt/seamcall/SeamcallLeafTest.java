package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SeamcallLeafTest {
    @Test
    void leavesHaveTheNumbersAndVersionsOfTheAbi() {
        assertEquals(
                """
                TDH.VP.ENTER 0
                TDH.MNG.ADDCX 1
                TDH.MEM.PAGE.ADD 2
                TDH.MEM.SEPT.ADD 3 v1
                TDH.VP.ADDCX 4
                TDH.MEM.PAGE.RELOCATE 5
                TDH.MEM.PAGE.AUG 6
                TDH.MEM.RANGE.BLOCK 7
                TDH.MNG.KEY.CONFIG 8
                TDH.MNG.CREATE 9
                TDH.VP.CREATE 10
                TDH.MNG.RD 11 v1
                TDH.MEM.PAGE.DEMOTE 15
                TDH.MR.EXTEND 16
                TDH.MR.FINALIZE 17
                TDH.VP.FLUSH 18
                TDH.MNG.VPFLUSHDONE 19
                TDH.MNG.KEY.FREEID 20
                TDH.MNG.INIT 21
                TDH.VP.INIT 22 v1
                TDH.MEM.PAGE.PROMOTE 23 v1
                TDH.PHYMEM.PAGE.RDMD 24
                TDH.MEM.SEPT.RD 25
                TDH.VP.RD 26 v1
                TDH.MNG.KEY.RECLAIMID 27
                TDH.PHYMEM.PAGE.RECLAIM 28
                TDH.MEM.PAGE.REMOVE 29
                TDH.MEM.SEPT.REMOVE 30 v1
                TDH.SYS.KEY.CONFIG 31
                TDH.SYS.INFO 32
                TDH.SYS.INIT 33 v1
                TDH.SYS.RD 34
                TDH.SYS.LP.INIT 35
                TDH.SYS.TDMR.INIT 36
                TDH.SYS.RDALL 37
                TDH.MEM.TRACK 38
                TDH.MEM.RANGE.UNBLOCK 39
                TDH.PHYMEM.CACHE.WB 40
                TDH.PHYMEM.PAGE.WBINVD 41
                TDH.VP.WR 43
                TDH.SYS.LP.SHUTDOWN 44
                TDH.SYS.CONFIG 45
                TDH.SYS.SHUTDOWN 52
                TDH.SYS.UPDATE 53 v1
                TDH.PHYMEM.PAMT.ADD 58
                TDH.PHYMEM.PAMT.REMOVE 59
                """,
                Arrays.stream(SeamcallLeaf.values())
                        .map(SeamcallLeafTest::numbered)
                        .collect(Collectors.joining("\n", "", "\n")));
    }

    private static String numbered(SeamcallLeaf leaf) {
        return leaf + " " + leaf.number() + (leaf.maxVersion() == 0 ? "" : " v" + leaf.maxVersion());
    }

    @Test
    void aLeafWordHasTheVersionInBits23To16() {
        assertEquals(58, SeamcallLeaf.PHYMEM_PAMT_ADD.rax());
        assertEquals(3, SeamcallLeaf.MEM_SEPT_ADD.rax(0));
        assertEquals(0x1_0003, SeamcallLeaf.MEM_SEPT_ADD.rax(1));
    }

    @Test
    void aVersionThatTheLeafDoesNotHaveIsRefused() {
        IllegalArgumentException above =
                assertThrows(IllegalArgumentException.class, () -> SeamcallLeaf.PHYMEM_PAMT_ADD.rax(1));
        assertEquals("TDH.PHYMEM.PAMT.ADD has versions 0 to 0, and no version 1", above.getMessage());
        assertThrows(IllegalArgumentException.class, () -> SeamcallLeaf.MEM_SEPT_ADD.rax(2));
        assertThrows(IllegalArgumentException.class, () -> SeamcallLeaf.MEM_SEPT_ADD.rax(-1));
    }

    @Test
    void aLeafIsFoundByItsNumberAndANumberWithoutLeafFindsNone() {
        for (SeamcallLeaf leaf : SeamcallLeaf.values()) {
            assertSame(leaf, SeamcallLeaf.ofNumber(leaf.number()));
        }
        for (int number : new int[] {-1, 12, 57, 60, 63, 64, Integer.MAX_VALUE}) {
            assertNull(SeamcallLeaf.ofNumber(number), "leaf " + number);
        }
    }

    @Test
    void aLeafIsFoundByItsWordOfAnyVersion() {
        assertSame(SeamcallLeaf.PHYMEM_PAMT_ADD, SeamcallLeaf.of(58));
        assertSame(SeamcallLeaf.MEM_SEPT_ADD, SeamcallLeaf.of(0x1_0003));
        assertSame(SeamcallLeaf.VP_ENTER, SeamcallLeaf.of(-1L << 16));
        assertNull(SeamcallLeaf.of(0xFFFF));
        assertNull(SeamcallLeaf.of(0x1_000C));
        assertEquals(0xFFFF, SeamcallLeaf.numberOf(-1));
        assertEquals(0x8003, SeamcallLeaf.numberOf(0x1_8003));
    }

    @Test
    void aLeafReadsAsTheAbiNamesIt() {
        assertEquals("TDH.PHYMEM.PAMT.ADD", SeamcallLeaf.PHYMEM_PAMT_ADD.toString());
        assertEquals("TDH.PHYMEM.PAMT.ADD", SeamcallLeaf.PHYMEM_PAMT_ADD.abiName());
    }
}
