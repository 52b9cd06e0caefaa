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
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** MEM.PAGE.DEMOTE of a 2M page of a TD that has three L2 VMs, each with a Secure EPT of its own. */
class DemoteTest {
    private static final int L2_VMS = 3;
    private static final long LEVEL_2M = 1;
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);
    private static final long SECOND_GIB = 1L << 30;
    private static final long PAIR0 = page(9, 10);
    private static final long PAIR1 = page(9, 11);
    private static final long FLAG = 1;
    private static final long NOT_USED = 1L << 63;

    private static final long TD_KEY = 40L << 40;
    private static final long ANY_ACCESS = 7 | 1 << 10;
    private static final long PENDING_PAGE = 1L << 63 | 1L << 56 | 0xF0;
    private static final long ALIASES = 7L << 58;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host, L2_VMS);
    private long childPages;
    private long pagesInUse;

    @BeforeEach
    void aPageThatIsBlockedAndTracked() {
        td.aug(0, region(6));
        td.block(GPA_2M);
        childPages = td.childPages();
        pagesInUse = host.pagesInUse(5);
    }

    private static long alias(int vm) {
        return 1L << (57 + vm);
    }

    private long demote(long... pages) {
        return td.demote(0, TDR, PAIR0, PAIR1, pages);
    }

    private void assertTaken(long... pages) {
        for (long page : pages) {
            assertEquals(PageType.EPT, host.typeOf(page), Long.toHexString(page));
            assertEquals(TDR, host.regs.rdx);
        }
        assertEquals(childPages + pages.length, td.childPages());
        assertEquals(pagesInUse + pages.length, host.pagesInUse(5));
        assertUnlocked();
    }

    private void assertNothingTaken() {
        assertTaken();
        for (long page : septPages(1, L2_VMS)) {
            assertEquals(PageType.NDA, host.typeOf(page), Long.toHexString(page));
        }
        assertFalse(host.donated(PAIR0));
        assertFalse(host.donated(PAIR1));
        assertEquals(PENDING_PAGE | 1L << 55 | TD_KEY | region(6), td.entry(0, 1) & ~ALIASES);
    }

    private void assertUnlocked() {
        for (int region : new int[] {5, 6, 9}) {
            assertEquals(0, host.lock2m(region), () -> "region " + region);
        }
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_1G, TDR));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        for (long page : septPages(1, L2_VMS)) {
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        }
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
    }

    @Test
    void theTdAndEachL2VmTakeASeptPage() {
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.SUCCESS, demote(pages));
        assertEquals(0, host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertArrayEquals(pages, new long[] {host.regs.r8, host.regs.r9, host.regs.r10, host.regs.r11});
        assertEquals(PAIR0, host.regs.r12);
        assertEquals(PAIR1, host.regs.r13);
        assertTaken(pages);
        assertEquals(1L << 63 | ALIASES | TD_KEY | pages[0] | ANY_ACCESS, td.entry(0, 1));
    }

    /** The module masks bit 63 in the copy that it checks, and returns what it was given. */
    @Test
    void bit63BesideAnL2PageIsLookedPastAndReturned() {
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.SUCCESS, demote(pages[0], pages[1] | NOT_USED, pages[2], pages[3] | NOT_USED));
        assertArrayEquals(
                new long[] {pages[1] | NOT_USED, pages[2], pages[3] | NOT_USED},
                new long[] {host.regs.r9, host.regs.r10, host.regs.r11});
        assertTaken(pages);
        assertEquals(TD_KEY | pages[3] | ANY_ACCESS, host.machine.memory().read64(septPage(3, 2)));
    }

    @Test
    void theSeptPageOfTheTdMapsThe512SmallPagesAsTheLargeOneWasMapped() {
        demote(septPages(1, L2_VMS));
        for (int i = 0; i < 512; i++) {
            assertEquals(PENDING_PAGE | TD_KEY | page(6, i), td.entry((long) i << 12, 0));
        }
        assertEquals(512, host.pagesInUse(6));
        for (int i : new int[] {0, 255, 256, 511}) {
            assertEquals(PageType.REG, host.typeOf(page(6, i)));
            assertEquals(TDR, host.regs.rdx);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theSeptPageOfAnL2VmIsEmptyAndItsTreeLeadsThere(int vm) {
        long page = septPage(vm, 1);
        host.machine.memory().write64(page, -1);
        host.machine.memory().write64(page + 4088, -1);
        demote(septPages(1, L2_VMS));
        assertEquals(0, host.machine.memory().read64(page));
        assertEquals(0, host.machine.memory().read64(page + 4088));
        assertEquals(TD_KEY | page | ANY_ACCESS, host.machine.memory().read64(septPage(vm, 2)));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void anL2VmForWhichThereIsNoPageTakesNone(int vm) {
        long[] pages = septPages(1, L2_VMS);
        long left = pages[vm];
        pages[vm] = NO_PAGE;
        expect(TdxStatus.SUCCESS, demote(pages));
        assertEquals(NO_PAGE, host.regs.get(operand(vm)));
        assertEquals(PageType.NDA, host.typeOf(left));
        assertEquals(childPages + 3, td.childPages());
        assertEquals(pagesInUse + 3, host.pagesInUse(5));
        assertEquals(ALIASES & ~alias(vm), td.entry(0, 1) & ALIASES);
        assertEquals(0, host.machine.memory().read64(septPage(vm, 2)));
    }

    private static TdxOperand operand(int vm) {
        return TdxOperand.ofId(TdxOperand.R8.id() + vm);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void anL2VmThatMapsThePageMustGetItsSeptPage(int vm) {
        td.setEntry(0, 1, td.entry(0, 1) | alias(vm));
        long[] pages = septPages(1, L2_VMS);
        pages[vm] = NO_PAGE;
        expect(TdxStatus.L2_SEPT_PAGE_NOT_PROVIDED.with(operand(vm)), demote(pages));
        expect(TdxStatus.L2_SEPT_PAGE_NOT_PROVIDED.with(operand(vm)), td.demote(0, TDR | FLAG, PAIR0, PAIR1, pages));
        assertNothingTaken();
    }

    @Test
    void withTheFlagOnlyTheL2VmsThatMapThePageTakeAPage() {
        td.setEntry(0, 1, td.entry(0, 1) | alias(2));
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.SUCCESS, td.demote(0, TDR | FLAG, PAIR0, PAIR1, pages));
        assertEquals(pages[1] | NOT_USED, host.regs.r9);
        assertEquals(pages[2], host.regs.r10);
        assertEquals(pages[3] | NOT_USED, host.regs.r11);
        assertTaken(pages[0], pages[2]);
        assertEquals(alias(2), td.entry(0, 1) & ALIASES);
    }

    @Test
    void bit63BesideAPageThatIsTakenStaysAsGiven() {
        long[] pages = septPages(1, L2_VMS);
        pages[2] |= NOT_USED;
        expect(TdxStatus.SUCCESS, demote(pages));
        assertEquals(septPage(2, 1) | NOT_USED, host.regs.r10);
        assertTaken(septPages(1, L2_VMS));
        assertEquals(TD_KEY | septPage(2, 1) | ANY_ACCESS, host.machine.memory().read64(septPage(2, 2)));
    }

    @Test
    void pagesForVmsThatTheTdHasNotAreNotLookedAt() {
        TestHost other = TestHost.ready();
        TestTd one = new TestTd(other, 1);
        one.aug(0, region(6));
        one.block(GPA_2M);
        long before = one.childPages();
        expect(TdxStatus.SUCCESS, one.demote(0, TDR, PAIR0, PAIR1, septPage(0, 1), septPage(1, 1), 3, 5));
        assertEquals(3, other.regs.r10);
        assertEquals(5, other.regs.r11);
        assertEquals(before + 2, one.childPages());
    }

    @ParameterizedTest
    @CsvSource({"0, R8", "1, R9", "2, R10", "3, R11"})
    void eachPageMustBeFree(int vm, TdxOperand operand) {
        long[] pages = septPages(1, L2_VMS);
        pages[vm] = TestTd.TDVPR;
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(operand), demote(pages));
        pages[vm] = page(7, 0);
        expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(operand), demote(pages));
        pages[vm] = region(5) + 8;
        expect(TdxStatus.OPERAND_INVALID.with(operand), demote(pages));
        assertNothingTaken();
    }

    @ParameterizedTest
    @CsvSource({"1, R9", "2, R10", "3, R11"})
    void onePageCannotBeTakenTwice(int vm, TdxOperand operand) {
        long[] pages = septPages(1, L2_VMS);
        pages[vm] = pages[vm - 1];
        expect(TdxStatus.OPERAND_BUSY.with(operand), demote(pages));
        host.inspection().setLockWord(PageLevel.SIZE_4K, pages[vm], 0);
        assertNothingTaken();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void theTreeOfAnL2VmMustReachTheLevel(int vm) {
        long gpa = SECOND_GIB + vm * PageLevel.SIZE_2M.bytes();
        expect(TdxStatus.SUCCESS, td.septAdd(SECOND_GIB | 2, page(5, 100), NO_PAGE, NO_PAGE, NO_PAGE));
        td.aug(gpa, region(7));
        td.block(PageLevel.SIZE_2M.encode(gpa));
        long[] pages = {septPage(0, 1), NO_PAGE, NO_PAGE, NO_PAGE};
        pages[vm] = septPage(vm, 1);
        expect(TdxStatus.L2_SEPT_WALK_FAILED.with(vm << 16 | 2), td.demote(gpa, TDR, PAIR0, PAIR1, pages));
        assertEquals(1L << 63, host.regs.rcx);
        assertEquals(vm << 16 | 0x4002, host.regs.rdx);
        assertEquals(PageType.NDA, host.typeOf(septPage(0, 1)));
        assertEquals(PageType.NDA, host.typeOf(septPage(vm, 1)));
        assertUnlocked();
    }

    /** It is asked for before each page of an L2 VM, and before the page itself is split. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void anInterruptLeavesEverythingAsItWas(int polls) {
        host.inspection().interruptAfterPolls(polls);
        expect(TdxStatus.INTERRUPTED_RESTARTABLE, demote(septPages(1, L2_VMS)));
        assertEquals(GPA_2M, host.regs.rcx);
        assertEquals(TDR, host.regs.rdx);
        assertNothingTaken();
        expect(TdxStatus.SUCCESS, demote(septPages(1, L2_VMS)));
        assertTaken(septPages(1, L2_VMS));
    }

    @Test
    void aTdWithoutL2VmsAsksForAnInterruptOnce() {
        TestHost other = TestHost.ready();
        TestTd plain = new TestTd(other);
        plain.aug(0, region(6));
        plain.block(GPA_2M);
        other.inspection().interruptAfterPolls(1);
        expect(TdxStatus.SUCCESS, plain.demote(0, TDR, PAIR0, PAIR1, septPage(0, 1), 1, 1, 1));
        host.inspection().interruptAfterPolls(L2_VMS + 1);
        expect(TdxStatus.SUCCESS, demote(septPages(1, L2_VMS)));
    }

    /** Formats of both, then ranges of both, then each page's lock and type, then the bitmap. */
    @Test
    void thePairIsCheckedInThisOrder() {
        long[] pages = septPages(1, L2_VMS);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R12), td.demote(0, TDR, PAIR0 + 8, PAIR1 + 8, pages));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R13), td.demote(0, TDR, 0, PAIR1 + 8, pages));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R12), td.demote(0, TDR, 0, 0, pages));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R13), td.demote(0, TDR, page(6, 0), 0, pages));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.R12), td.demote(0, TDR, page(6, 0), TDR, pages));
        host.setLock2m(6, 0);
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R12), td.demote(0, TDR, TestTd.TDVPR, TDR, pages));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R13), td.demote(0, TDR, page(9, 0), TestTd.TDVPR, pages));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R12), td.demote(0, TDR, page(9, 0), page(9, 1), pages));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R13), td.demote(0, TDR, PAIR0, page(9, 1), pages));
        assertNothingTaken();
    }

    @ParameterizedTest
    @CsvSource({"0, R12", "1, R13"})
    void aPairPageOfARegionThatSomebodyHoldsAloneIsBusy(int half, TdxOperand operand) {
        host.setLock2m(7, 1);
        long pair0 = half == 0 ? page(7, 0) : PAIR0;
        long pair1 = half == 1 ? page(7, 0) : PAIR1;
        expect(TdxStatus.OPERAND_BUSY.with(operand), td.demote(0, TDR, pair0, pair1, septPages(1, L2_VMS)));
        assertEquals(7, host.lock2m(7));
        assertNothingTaken();
    }

    @Test
    void thePairIsFilledWhateverTheHostLeftInIt() {
        long[] entries = {PAIR0, PAIR0 + 4080, PAIR1, PAIR1 + 4080};
        for (long entry : entries) {
            host.machine.memory().write64(entry, -1);
            host.machine.memory().write64(entry + 8, -1);
        }
        expect(TdxStatus.SUCCESS, demote(septPages(1, L2_VMS)));
        for (long entry : entries) {
            assertEquals(
                    TDR >>> 12 << 24 | PageType.REG << 16, host.machine.memory().read64(entry));
            assertEquals(0, host.machine.memory().read64(entry + 8));
        }
    }

    @Test
    void aPageThatIsNotBlockedAndTrackedStaysLarge() {
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_2M, TDR, 0);
        expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), demote(septPages(1, L2_VMS)));
        td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA_2M, TDR, 0);
        expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), demote(septPages(1, L2_VMS)));
        assertNothingTaken();
    }

    @Test
    void theEntryMustBeThatOfALargePage() {
        expect(
                TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX),
                td.demote(PageLevel.SIZE_2M.bytes(), TDR, PAIR0, PAIR1, septPages(1, L2_VMS)));
        assertEquals(1L << 63, host.regs.rcx);
        assertEquals(LEVEL_2M, host.regs.rdx);
        expect(TdxStatus.SUCCESS, demote(septPages(1, L2_VMS)));
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), demote(septPages(1, L2_VMS)));
        assertEquals(0x84 << 8 | LEVEL_2M, host.regs.rdx);
    }

    @Test
    void aLockedRegionKeepsItsPage() {
        host.setLock2m(6, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), demote(septPages(1, L2_VMS)));
        assertEquals(6, host.lock2m(6));
        host.setLock2m(6, 0);
        assertNothingTaken();
    }

    @Test
    void anAcceptedPageBecomesAcceptedPages() {
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_2M, TDR, 0);
        long mapped = (td.entry(0, 1) & ~(1L << 56)) | ANY_ACCESS;
        td.setEntry(0, 1, mapped);
        td.block(GPA_2M);
        expect(TdxStatus.SUCCESS, demote(septPages(1, L2_VMS)));
        assertEquals(mapped, td.entry(0, 0));
        assertEquals(mapped + 511 * 4096, td.entry(511 * 4096, 0));
    }
}
