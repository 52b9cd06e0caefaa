package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static dev.pamt.seamcall.emulator.TestTd.septPages;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** MEM.SEPT.ADD, MEM.SEPT.REMOVE and MEM.SEPT.RD of a TD with two L2 VMs. */
class SeptPagesTest {
    private static final int L2_VMS = 2;
    private static final long GPA = PageLevel.SIZE_2M.encode(0);
    private static final long FLAG = 1;
    private static final long NOT_USED = 1L << 63;
    private static final long HINT = 1L << 62;
    private static final long TD_KEY = 40L << 40;
    private static final long ANY_ACCESS = 7 | 1 << 10;
    private static final long FREE = 0x80E0L << 48;
    private static final long FREE_AS_SEEN = 1L << 63;
    private static final long NON_LEAF = 0x84 << 8;
    private static final long NON_LEAF_BLOCKED = 0x81 << 8;

    private final AtomicBoolean wantTree = new AtomicBoolean();
    private final TestHost host = TestHost.ready(
            TestHost.config()
                    .interrupts(processor -> {
                        if (wantTree.get()) {
                            othersWantTheTree();
                        }
                        return false;
                    })
                    .build(),
            true,
            RacePoint.Listener.none());
    private final TestTd td = new TestTd(host, L2_VMS);

    private void othersWantTheTree() {
        host.inspection().setTdLock(TDR, TdLock.SEPT_TREE, 6);
    }

    private long[] pageRegisters() {
        return new long[] {host.regs.r8, host.regs.r9, host.regs.r10, host.regs.r11};
    }

    private long remove(int version, long gpaAndLevel) {
        host.regs.clear();
        host.regs.rcx = gpaAndLevel;
        host.regs.rdx = TDR;
        return host.machine.processor(0).seamcall(SeamcallLeaf.MEM_SEPT_REMOVE.rax(version), host.regs);
    }

    private void assertUnlocked(long... pages) {
        for (int region : new int[] {5, 8, 9}) {
            assertEquals(0, host.lock2m(region), () -> "region " + region);
        }
        for (long page : pages) {
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        }
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE) & 0xFFFD);
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, td.entry(0, 1) & 1L << 11);
    }

    @Test
    void addTakesAPageForTheTdAndEachL2Vm() {
        long children = td.childPages();
        long[] pages = septPages(1, L2_VMS);
        for (long page : pages) {
            if (page != NO_PAGE) {
                host.machine.memory().write64(page, 5);
                host.machine.memory().write64(page + 4088, 5);
            }
        }
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, pages));
        assertEquals(0, host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertArrayEquals(new long[] {NO_PAGE, NO_PAGE, NO_PAGE, NO_PAGE}, pageRegisters());
        assertEquals(children + 3, td.childPages());
        for (int vm = 0; vm <= L2_VMS; vm++) {
            assertEquals(PageType.EPT, host.typeOf(pages[vm]));
            assertEquals(TDR, host.regs.rdx);
            long empty = vm == 0 ? FREE : 0;
            assertEquals(empty, host.machine.memory().read64(pages[vm]));
            assertEquals(empty, host.machine.memory().read64(pages[vm] + 4088));
        }
        assertEquals(1L << 63 | 3L << 58 | TD_KEY | pages[0] | ANY_ACCESS, td.entry(0, 1));
        assertEquals(TD_KEY | pages[1] | ANY_ACCESS, host.machine.memory().read64(septPage(1, 2)));
        assertEquals(TD_KEY | pages[2] | ANY_ACCESS, host.machine.memory().read64(septPage(2, 2)));
        assertUnlocked(pages[0], pages[1], pages[2]);
    }

    @Test
    void addOfVersion0TakesOnePageAndLooksAtNoOther() {
        expect(TdxStatus.SUCCESS, td.septAddOfVersion(0, GPA, TDR, septPage(1), septPage(1, 1), 3, 5));
        assertArrayEquals(new long[] {septPage(1), septPage(1, 1), 3, 5}, pageRegisters());
        assertEquals(PageType.NDA, host.typeOf(septPage(1, 1)));
    }

    @Test
    void addHasTwoVersions() {
        long children = td.childPages();
        host.regs.clear();
        host.regs.rcx = GPA;
        host.regs.rdx = TDR;
        host.regs.r8 = septPage(1);
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                host.machine.processor(0).seamcall(SeamcallLeaf.MEM_SEPT_ADD.rax() | 2 << 16, host.regs));
        assertEquals(0, host.regs.rcx);
        assertEquals(septPage(1), host.regs.r8);
        assertEquals(children, td.childPages());
    }

    @Test
    void addOfNoPageIsForVersion1AndAnEntryThatHasOne() {
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.R8),
                td.septAddOfVersion(0, GPA, TDR, NO_PAGE, NO_PAGE, NO_PAGE, NO_PAGE));
        expect(
                TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX),
                td.septAdd(GPA, NO_PAGE, septPage(1, 1), NO_PAGE, NO_PAGE));
        assertEquals(FREE_AS_SEEN, host.regs.rcx);
        assertEquals(1, host.regs.rdx);
        assertArrayEquals(new long[] {NO_PAGE, septPage(1, 1), NO_PAGE, NO_PAGE}, pageRegisters());
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, NO_PAGE, NO_PAGE, septPage(2, 1), NO_PAGE));
        assertEquals(1L << 63 | 2L << 58 | TD_KEY | septPage(1) | ANY_ACCESS, td.entry(0, 1));
        assertEquals(0, host.machine.memory().read64(septPage(1, 2)));
    }

    @Test
    void addToAnEntryThatHasAPageReturnsTheOneGivenIfTheFlagAllowsIt() {
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, pages[0], NO_PAGE, pages[2], NO_PAGE));
        long children = td.childPages();
        expect(
                TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX),
                td.septAdd(GPA, page(5, 100), page(5, 101), page(5, 102), NO_PAGE));
        assertEquals(NON_LEAF | 1, host.regs.rdx);
        assertEquals(ANY_ACCESS, host.regs.rcx);
        expect(
                TdxStatus.SUCCESS,
                td.septAddOfVersion(1, GPA, TDR | FLAG, page(5, 100), page(5, 101), page(5, 102), NO_PAGE));
        assertArrayEquals(
                new long[] {page(5, 100) | NOT_USED, NO_PAGE, page(5, 102) | NOT_USED, NO_PAGE}, pageRegisters());
        assertEquals(children + 1, td.childPages());
        assertEquals(PageType.NDA, host.typeOf(page(5, 100)));
        assertEquals(PageType.EPT, host.typeOf(page(5, 101)));
        assertEquals(1L << 63 | 3L << 58 | TD_KEY | pages[0] | ANY_ACCESS, td.entry(0, 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void addToAnL2EntryThatHasAPageNeedsTheFlag(int vm) {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPages(1, L2_VMS)));
        long[] pages = {NO_PAGE, NO_PAGE, NO_PAGE, NO_PAGE};
        pages[vm] = page(5, 100);
        expect(TdxStatus.L2_SEPT_ENTRY_NOT_FREE.with(vm << 16 | 1), td.septAdd(GPA, pages));
        assertEquals(ANY_ACCESS, host.regs.rcx);
        assertEquals((long) vm << 16 | 0xC401, host.regs.rdx);
        expect(TdxStatus.SUCCESS, td.septAddOfVersion(1, GPA, TDR | FLAG, pages));
        assertEquals(pages[vm] | NOT_USED, pageRegisters()[vm]);
        assertEquals(PageType.NDA, host.typeOf(pages[vm]));
    }

    @Test
    void aBlockedL2EntryIsDescribedAsBlocked() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPages(1, L2_VMS)));
        long l2Entry = septPage(1, 2);
        host.machine.memory().write64(l2Entry, (host.machine.memory().read64(l2Entry) & ~ANY_ACCESS) | 1L << 55);
        expect(
                TdxStatus.L2_SEPT_ENTRY_NOT_FREE.with(1 << 16 | 1),
                td.septAdd(GPA, NO_PAGE, page(5, 100), NO_PAGE, NO_PAGE));
        assertEquals(0, host.regs.rcx);
        assertEquals(0x1C101, host.regs.rdx);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void addToAnL2VmNeedsItsTreeDownToTheLevel(int vm) {
        long[] pages = septPages(1, 0);
        expect(TdxStatus.SUCCESS, td.septAdd(2 | 1L << 30, pages));
        pages[0] = page(5, 100);
        pages[vm] = page(5, 101);
        expect(TdxStatus.L2_SEPT_WALK_FAILED.with(vm << 16 | 2), td.septAdd(1 | 1L << 30, pages));
        assertEquals(1L << 63, host.regs.rcx);
        assertEquals((long) vm << 16 | 0x4002, host.regs.rdx);
        assertEquals(PageType.NDA, host.typeOf(page(5, 100)));
        assertUnlocked(page(5, 100), page(5, 101));
    }

    @Test
    void addTakesNoPageForAVmThatTheTdHasNot() {
        long[] pages = septPages(1, 3);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R11), td.septAdd(GPA, pages));
        assertArrayEquals(pages, pageRegisters());
        assertEquals(PageType.NDA, host.typeOf(pages[0]));
        assertUnlocked(pages[0], pages[1], pages[2]);
    }

    @ParameterizedTest
    @CsvSource({"0, R8", "1, R9", "2, R10"})
    void eachPageThatIsAddedMustBeFree(int vm, TdxOperand operand) {
        long[] pages = septPages(1, L2_VMS);
        pages[vm] = TestTd.TDVPR;
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(operand), td.septAdd(GPA, pages));
        pages[vm] = page(7, 0);
        expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(operand), td.septAdd(GPA, pages));
        assertArrayEquals(pages, pageRegisters());
        assertEquals(FREE, td.entry(0, 1));
        pages[vm] = page(5, 100) | NOT_USED;
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, pages));
        assertEquals(PageType.EPT, host.typeOf(page(5, 100)));
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 2"})
    void addIsInterruptedOnlyAfterAPageAndGoesOnWithTheOthers(int polls, int taken) {
        long children = td.childPages();
        host.inspection().interruptAfterPolls(polls);
        expect(TdxStatus.INTERRUPTED_RESUMABLE, td.septAdd(GPA, septPages(1, L2_VMS)));
        assertEquals(GPA, host.regs.rcx);
        assertEquals(TDR, host.regs.rdx);
        long[] left = septPages(1, L2_VMS);
        for (int vm = 0; vm < taken; vm++) {
            left[vm] = NO_PAGE;
        }
        assertArrayEquals(left, pageRegisters());
        assertEquals(children + taken, td.childPages());
        assertEquals((1L << (taken - 1)) - 1, td.entry(0, 1) >>> 58 & 7);
        host.inspection().interruptAfterPolls(10);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, left));
        assertEquals(children + 3, td.childPages());
    }

    @Test
    void addGivesWayToAnotherProcessorThatWantsTheTree() {
        wantTree.set(true);
        expect(TdxStatus.INTERRUPTED_BUSY, td.septAdd(GPA, septPages(1, L2_VMS)));
        wantTree.set(false);
        assertEquals(GPA, host.regs.rcx);
        assertEquals(TDR, host.regs.rdx);
        assertArrayEquals(new long[] {NO_PAGE, septPage(1, 1), septPage(2, 1), NO_PAGE}, pageRegisters());
        assertUnlocked(septPage(1), septPage(1, 1), septPage(2, 1));
    }

    @Test
    void addOfOneL2PageAsksForNoInterrupt() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        host.inspection().setInterruptPending(true);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, NO_PAGE, septPage(1, 1), NO_PAGE, NO_PAGE));
    }

    @Test
    void addToALeafOrABlockedEntryIsRefused() {
        td.aug(0, region(6));
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), td.septAdd(GPA, septPages(1, L2_VMS)));
        assertEquals(2 << 8 | 1, host.regs.rdx);
        td.block(2);
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), td.septAdd(2, septPages(1, L2_VMS)));
        assertEquals(NON_LEAF_BLOCKED | 2, host.regs.rdx);
    }

    @Test
    void aPageThatIsUsedAgainForgetsWhenItWasBlocked() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        td.block(GPA);
        host.typeOf(septPage(1));
        assertEquals(1, host.regs.r9);
        expect(TdxStatus.SUCCESS, remove(0, GPA));
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        host.typeOf(septPage(1));
        assertEquals(0, host.regs.r9);
    }

    private void addAndBlock(long... pages) {
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, pages));
        td.block(GPA);
    }

    @Test
    void removeReturnsThePagesOfTheTdAndItsL2VmsWithTheirHints() {
        long children = td.childPages();
        addAndBlock(septPage(1), page(8, 1), page(8, 2), NO_PAGE);
        expect(TdxStatus.SUCCESS, remove(1, GPA));
        assertEquals(septPage(1), host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertArrayEquals(new long[] {0, page(8, 1) | HINT, page(8, 2), NO_PAGE}, pageRegisters());
        assertEquals(children, td.childPages());
        assertEquals(0, host.pagesInUse(8));
        for (long page : new long[] {septPage(1), page(8, 1), page(8, 2)}) {
            assertEquals(PageType.NDA, host.typeOf(page));
        }
        assertEquals(FREE, td.entry(0, 1));
        assertEquals(0, host.machine.memory().read64(septPage(1, 2)));
        assertEquals(0, host.machine.memory().read64(septPage(2, 2)));
        assertUnlocked(septPage(1), page(8, 1), page(8, 2));
    }

    @Test
    void removeFreesThePageOfTheTdLast() {
        addAndBlock(page(8, 0), NO_PAGE, page(8, 2), NO_PAGE);
        expect(TdxStatus.SUCCESS, remove(1, GPA));
        assertEquals(page(8, 0) | HINT, host.regs.rcx);
        assertArrayEquals(new long[] {0, NO_PAGE, page(8, 2), NO_PAGE}, pageRegisters());
    }

    @Test
    void removeOfVersion0TakesThePagesOfTheL2VmsAndDoesNotTell() {
        addAndBlock(septPage(1), page(8, 1), page(8, 2), NO_PAGE);
        expect(TdxStatus.SUCCESS, remove(0, GPA));
        assertEquals(septPage(1), host.regs.rcx);
        assertArrayEquals(new long[] {0, 0, 0, 0}, pageRegisters());
        assertEquals(0, host.pagesInUse(8));
    }

    @Test
    void removeHasTwoVersions() {
        addAndBlock(septPage(1), NO_PAGE, NO_PAGE, NO_PAGE);
        host.regs.clear();
        host.regs.rcx = GPA;
        host.regs.rdx = TDR;
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                host.machine.processor(0).seamcall(SeamcallLeaf.MEM_SEPT_REMOVE.rax() | 2 << 16, host.regs));
        assertArrayEquals(new long[] {0, NO_PAGE, NO_PAGE, NO_PAGE}, pageRegisters());
        assertEquals(PageType.EPT, host.typeOf(septPage(1)));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 511})
    void removeLeavesAPageThatMapsSomething(long entry) {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, entry << 12, TDR, page(5, 100));
        td.block(GPA);
        expect(TdxStatus.EPT_PAGE_NOT_FREE.with(TdxOperand.RCX), remove(1, GPA));
        assertEquals(0, host.regs.rcx);
        assertEquals(NON_LEAF_BLOCKED | 1, host.regs.rdx);
        assertArrayEquals(new long[] {0, NO_PAGE, NO_PAGE, NO_PAGE}, pageRegisters());
        assertEquals(PageType.EPT, host.typeOf(septPage(1)));
        assertUnlocked(septPage(1));
    }

    @Test
    void removeWantsAnEntryThatIsBlockedAndTracked() {
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), remove(1, GPA));
        assertEquals(FREE_AS_SEEN, host.regs.rcx);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), remove(1, GPA));
        assertEquals(NON_LEAF | 1, host.regs.rdx);
        td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA, TDR, 0);
        expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), remove(1, GPA));
        assertEquals(0, host.regs.rdx);
        td.succeed(SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
        expect(TdxStatus.SUCCESS, remove(1, GPA));
        td.aug(0, region(6));
        td.block(GPA);
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), remove(1, GPA));
        assertEquals(3 << 8 | 1, host.regs.rdx);
    }

    @Test
    void removeNeedsTheLocksOfAllItsPages() {
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, pages));
        td.block(GPA);
        for (int vm = 0; vm <= L2_VMS; vm++) {
            host.inspection().setLockWord(PageLevel.SIZE_4K, pages[vm], 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), remove(1, GPA));
            assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_4K, pages[vm]));
            assertEquals(0, host.regs.rdx);
            host.inspection().setLockWord(PageLevel.SIZE_4K, pages[vm], 0);
            assertUnlocked(pages[0], pages[1], pages[2]);
        }
        expect(TdxStatus.SUCCESS, remove(1, GPA));
    }

    @Test
    void readDescribesTheEntryOfTheLevel() {
        td.aug(0, region(6));
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 77);
        assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
        assertEquals(2 << 8 | 1, host.regs.rdx);
        assertEquals(77, host.regs.r8);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, 2, TDR, 77);
        assertEquals(ANY_ACCESS, host.regs.rcx);
        assertEquals(NON_LEAF | 2, host.regs.rdx);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, 3, TDR, 77);
        assertEquals(NON_LEAF | 3, host.regs.rdx);
        assertUnlocked();
    }

    @Test
    void onlyADebuggableTdShowsWhatItsL2VmsHave() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), td.call(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR | FLAG, 77));
        assertEquals(77, host.regs.r8);
        TestHost other = TestHost.ready();
        TestTd open = new TestTd(other, 3, 1);
        long[] pages = septPages(1, 3);
        pages[2] = NO_PAGE;
        expect(TdxStatus.SUCCESS, open.septAdd(GPA, pages));
        open.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR | FLAG, 77);
        assertEquals(NON_LEAF | 1, other.regs.rdx);
        assertEquals(0x800F_0000_800F_0000L, other.regs.r8);
        open.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 77);
        assertEquals(77, other.regs.r8);
    }
}
