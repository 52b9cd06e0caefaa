package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What every leaf on a guest address checks and locks before it looks at the entry. */
class SeptAccessTest {
    private static final long GPA = PageLevel.SIZE_2M.encode(0);
    private static final long SEPT_LOCK = 1L << 11;
    private static final long SEPT_HOST_PRIORITY = 1L << 52;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host);

    private void assertUnlocked() {
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_1G, TDR));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
    }

    /** Level above the root, reserved bits, not aligned to the level, shared or too high. */
    @ParameterizedTest
    @ValueSource(
            longs = {
                4,
                7,
                1 << 3,
                1 << 11,
                1 | 1 << 12,
                1 | 1 << 20,
                2 | 1 << 21,
                2 | 1 << 29,
                3 | 1 << 30,
                3 | 1L << 38,
                1L << 46,
                1L << 47,
                1L << 51,
                1L << 52,
                1L << 63
            })
    void aGuestAddressThatCannotBeIsRefused(long gpaAndLevel) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), td.call(SeamcallLeaf.MEM_SEPT_RD, gpaAndLevel, TDR, 0));
        assertEquals(0, host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertUnlocked();
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 1", "2, 2", "3, 3", "0x40000000, 2", "0x3fffc0000000, 3", "0x3f8000000003, 3"})
    void theWalkEndsWhereNothingIs(String gpaAndLevel, int level) {
        td.call(SeamcallLeaf.MEM_SEPT_RD, Long.decode(gpaAndLevel), TDR, 0);
        assertEquals(level, host.regs.rdx & 0xFF);
        assertUnlocked();
    }

    @Test
    void aWalkThatEndsEarlyIsAFailureThatDescribesItsEnd() {
        expect(TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX), td.call(SeamcallLeaf.MEM_SEPT_RD, 0, TDR, 0));
        assertEquals(1L << 63, host.regs.rcx);
        assertEquals(1, host.regs.rdx);
        td.aug(0, region(6));
        expect(TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX), td.call(SeamcallLeaf.MEM_SEPT_RD, 0, TDR, 0));
        assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
        assertEquals(2 << 8 | 1, host.regs.rdx);
        assertUnlocked();
    }

    @Test
    void aBlockedEntryEndsTheWalk() {
        td.block(2);
        expect(TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX), td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0));
        assertEquals(0, host.regs.rcx);
        assertEquals(0x81 << 8 | 2, host.regs.rdx);
    }

    @Test
    void theWalkTakesEachLevelsOwnPartOfTheAddress() {
        long gpa = 5L << 39 | 6L << 30 | 7L << 21 | 8L << 12;
        expect(TdxStatus.SUCCESS, td.septAdd(5L << 39 | 3, page(5, 100), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(TdxStatus.SUCCESS, td.septAdd(5L << 39 | 6L << 30 | 2, page(5, 101), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(TdxStatus.SUCCESS, td.septAdd(gpa - (8L << 12) | 1, page(5, 102), NO_PAGE, NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, gpa, TDR, page(5, 103));
        long key = 40L << 40;
        long access = 1L << 63 | 7 | 1 << 10 | key;
        assertEquals(access | page(5, 100), host.machine.memory().read64(TestTd.controlPage(4) + 5 * 8));
        assertEquals(access | page(5, 101), host.machine.memory().read64(page(5, 100) + 6 * 8));
        assertEquals(access | page(5, 102), host.machine.memory().read64(page(5, 101) + 7 * 8));
        assertEquals(
                1L << 63 | 1L << 56 | 0xF0 | key | page(5, 103),
                host.machine.memory().read64(page(5, 102) + 8 * 8));
    }

    @ParameterizedTest
    @EnumSource(
            value = SeamcallLeaf.class,
            names = {"MEM_SEPT_ADD", "MEM_SEPT_RD", "MEM_PAGE_DEMOTE"})
    void beforeTheTdBit0IsAFlagAndTheOthersAreReserved(SeamcallLeaf leaf) {
        for (long reserved : new long[] {2, 1 << 11, 1L << 52, 1L << 63}) {
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), td.call(leaf, GPA, TDR | reserved, NO_PAGE));
            assertEquals(0, host.regs.rdx);
        }
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RDX), td.call(leaf, GPA, 0x1001, NO_PAGE));
    }

    @ParameterizedTest
    @EnumSource(
            value = SeamcallLeaf.class,
            names = {
                "MEM_SEPT_REMOVE",
                "MEM_PAGE_ADD",
                "MEM_PAGE_AUG",
                "MEM_PAGE_REMOVE",
                "MEM_PAGE_RELOCATE",
                "MEM_PAGE_PROMOTE",
                "MEM_RANGE_BLOCK",
                "MEM_RANGE_UNBLOCK",
                "MR_EXTEND"
            })
    void otherLeavesKnowNoFlag(SeamcallLeaf leaf) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), td.call(leaf, GPA, TDR | 1, NO_PAGE));
    }

    @ParameterizedTest
    @CsvSource({
        "MEM_SEPT_ADD, 1, 3",
        "MEM_SEPT_REMOVE, 1, 3",
        "MEM_SEPT_RD, 0, 3",
        "MEM_PAGE_AUG, 0, 1",
        "MEM_PAGE_REMOVE, 0, 2",
        "MEM_PAGE_RELOCATE, 0, 0",
        "MEM_PAGE_DEMOTE, 1, 2",
        "MEM_PAGE_PROMOTE, 1, 2",
        "MEM_RANGE_BLOCK, 0, 3",
        "MEM_RANGE_UNBLOCK, 0, 3"
    })
    void eachLeafHasItsLevels(SeamcallLeaf leaf, int lowest, int highest) {
        for (int level = 0; level < 8; level++) {
            boolean refused = td.call(leaf, level, TDR, NO_PAGE) == TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
            assertEquals(level < lowest || level > highest, refused, "level " + level);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = SeamcallLeaf.class,
            names = {"MEM_SEPT_ADD", "MEM_SEPT_RD", "MEM_PAGE_AUG", "MEM_PAGE_REMOVE", "MEM_PAGE_DEMOTE"})
    void leavesThatShareTheTreeAreTurnedAwayByItsOwnerAlone(SeamcallLeaf leaf) {
        host.inspection().setTdLock(TDR, TdLock.SEPT_TREE, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE), td.call(leaf, GPA, TDR, NO_PAGE));
        assertEquals(7, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
        host.inspection().setTdLock(TDR, TdLock.SEPT_TREE, 4);
        assertNotEquals(TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE), td.call(leaf, GPA, TDR, NO_PAGE));
        assertEquals(4, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
    }

    @ParameterizedTest
    @EnumSource(
            value = SeamcallLeaf.class,
            names = {"MEM_SEPT_REMOVE", "MEM_PAGE_PROMOTE", "MEM_RANGE_BLOCK", "MEM_RANGE_UNBLOCK"})
    void leavesThatOwnTheTreeAreTurnedAwayByASharer(SeamcallLeaf leaf) {
        host.inspection().setTdLock(TDR, TdLock.SEPT_TREE, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE), td.call(leaf, GPA, TDR, NO_PAGE));
        assertEquals(6, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
        host.inspection().setTdLock(TDR, TdLock.SEPT_TREE, 0);
        assertUnlocked();
    }

    @Test
    void aLockedEntryIsBusyAndHostPriorityStaysUntilTheNextCallHasIt() {
        td.aug(0, region(6));
        long entry = td.entry(0, 1);
        td.setEntry(0, 1, entry | SEPT_LOCK);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0));
        assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
        assertEquals(2 << 8 | 1, host.regs.rdx);
        assertEquals(entry | SEPT_LOCK | SEPT_HOST_PRIORITY, td.entry(0, 1));
        assertUnlocked();
        td.setEntry(0, 1, entry | SEPT_HOST_PRIORITY);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0);
        assertEquals(entry, td.entry(0, 1));
    }

    @Test
    void theTdIsHeldSharedAndItsOperationState() {
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0));
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), td.call(SeamcallLeaf.MR_EXTEND, 0, TDR, 0));
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 0);
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0));
        assertEquals(7, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
    }

    @Test
    void aPageThatIsNoTdIsNamed() {
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RDX),
                td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TestTd.TDVPR, 0));
        assertUnlocked();
    }

    @Test
    void anEntryThatNoCallCanHaveWrittenIsFatal() {
        td.setEntry(0, 1, 1L << 53);
        assertThrows(SeamcallUnavailableException.class, () -> td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0));
        assertEquals(
                new FatalError(18, SeamcallLeaf.MEM_SEPT_RD, 0),
                host.machine.fatal().orElseThrow());
    }
}
