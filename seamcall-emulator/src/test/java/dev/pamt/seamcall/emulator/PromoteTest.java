package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** MEM.PAGE.PROMOTE of the 4K pages of a region, which a TD and two of its three L2 VMs have Secure EPT pages for. */
class PromoteTest {
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);
    private static final long GPA_1G = PageLevel.SIZE_1G.encode(1L << 30);
    private static final int FIRST_OF_SECOND_GIB = 512;
    private static final long PAIR0 = page(9, 10);
    private static final long PAIR1 = page(9, 11);
    private static final long HINT = 1L << 62;
    private static final long LAST = 511 * 4096L;
    private static final long SEPT_LOCK = 1L << 11;
    private static final long SEPT_HOST_PRIORITY = 1L << 52;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host, 3);
    private long childPages;
    private long pagesInUse;

    /** The pages for the L2 VMs are of region 8, where they are alone. */
    @BeforeEach
    void aRegionThatIsBlockedAndTracked() {
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        td.aug(0, region(6));
        td.block(GPA_2M);
        childPages = td.childPages();
        pagesInUse = host.pagesInUse(5);
        expect(TdxStatus.SUCCESS, td.demote(0, TDR, PAIR0, PAIR1, septPage(1), page(8, 1), NO_PAGE, page(8, 3)));
        td.block(GPA_2M);
    }

    private long promote(int version, long gpaAndLevel) {
        host.regs.clear();
        host.regs.r10 = 77;
        host.regs.r12 = 88;
        host.regs.r13 = 99;
        host.regs.rcx = gpaAndLevel;
        host.regs.rdx = TDR;
        return host.machine.processor(0).seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax(version), host.regs);
    }

    private void assertMerged() {
        assertEquals(0, host.regs.rdx);
        assertEquals(PAIR0, host.regs.r12);
        assertEquals(PAIR1, host.regs.r13);
        assertEquals(PageType.REG, host.typeOf(GPA_2M | region(6)));
        assertEquals(TDR, host.regs.rdx);
        assertEquals(0, host.regs.r9);
        for (long page : new long[] {septPage(1), page(8, 1), page(8, 3), PAIR0, PAIR1}) {
            assertEquals(PageType.NDA, host.typeOf(page), Long.toHexString(page));
        }
        assertFalse(host.donated(PAIR0));
        assertFalse(host.donated(PAIR1));
        assertEquals(0, host.machine.memory().read64(septPage(1, 2)));
        assertEquals(0, host.machine.memory().read64(septPage(3, 2)));
        assertEquals(childPages, td.childPages());
        assertEquals(pagesInUse, host.pagesInUse(5));
        assertEquals(0, host.pagesInUse(8));
        assertUnlocked();
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA_2M, TDR, 0);
        assertEquals(2 << 8 | 1, host.regs.rdx);
        assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
    }

    private void assertStillSmall() {
        assertEquals(512, host.pagesInUse(6));
        assertTrue(host.donated(PAIR0));
        for (long page : new long[] {septPage(1), page(8, 1), page(8, 3)}) {
            assertEquals(PageType.EPT, host.typeOf(page), Long.toHexString(page));
        }
        assertEquals(childPages + 3, td.childPages());
        assertEquals(2, host.pagesInUse(8));
        assertUnlocked();
    }

    private void assertUnlocked() {
        for (int region : new int[] {5, 6, 8, 9}) {
            assertEquals(0, host.lock2m(region), () -> "region " + region);
        }
        for (long page : new long[] {TDR, septPage(1), page(8, 1), page(8, 3)}) {
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        }
        assertEquals(0, td.entry(0, 1) & SEPT_LOCK);
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
    }

    @Test
    void version1ReturnsEachPageWithItsOwnHint() {
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
        assertEquals(septPage(1), host.regs.rcx);
        assertEquals(page(8, 1), host.regs.r9);
        assertEquals(NO_PAGE, host.regs.r10);
        assertEquals(page(8, 3) | HINT, host.regs.r11);
        assertMerged();
    }

    @Test
    void version0TakesThePagesOfTheL2VmsAndDoesNotTell() {
        expect(TdxStatus.SUCCESS, promote(0, GPA_2M));
        assertEquals(septPage(1), host.regs.rcx);
        assertEquals(0, host.regs.r9);
        assertEquals(77, host.regs.r10);
        assertEquals(0, host.regs.r11);
        assertMerged();
    }

    @Test
    void aFailureOfVersion1ReturnsNoPages() {
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_2M, TDR, 0);
        expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertEquals(NO_PAGE, host.regs.r9);
        assertEquals(NO_PAGE, host.regs.r10);
        assertEquals(NO_PAGE, host.regs.r11);
        assertEquals(88, host.regs.r12);
        assertEquals(99, host.regs.r13);
        td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA_2M, TDR, 0);
        expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertStillSmall();
    }

    @Test
    void aVersionThatIsNotThereIsRefusedBeforeAnythingElse() {
        host.regs.clear();
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                host.machine.processor(0).seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax() | 2 << 16, host.regs));
        assertEquals(NO_PAGE, host.regs.r9);
    }

    /** One small page differs: another state, another address, locked, or with an alias. */
    @ParameterizedTest
    @CsvSource({
        "0, 0x800",
        "0, 0x0080000000000000",
        "0, 0x1000",
        "1, 0x800",
        "1, 0x0100000000000000",
        "1, 0x1000",
        "511, 0x800",
        "511, 0x0080000000000000",
        "511, 0x1000",
        "511, 0x0400000000000000"
    })
    void smallPagesThatAreNotAlikeStaySmall(int number, String changed) {
        long entry = td.entry(number * 4096L, 0);
        td.setEntry(number * 4096L, 0, entry ^ Long.decode(changed));
        expect(TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertEquals(0x81 << 8 | 1, host.regs.rdx);
        assertStillSmall();
        td.setEntry(number * 4096L, 0, entry);
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
    }

    @Test
    void smallPagesThatAreAllBlockedStaySmall() {
        for (long gpa = 0; gpa <= LAST; gpa += 4096) {
            td.setEntry(gpa, 0, td.entry(gpa, 0) | 1L << 55);
        }
        expect(TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertStillSmall();
    }

    @Test
    void smallPagesThatAreAllOnePageFurtherStaySmall() {
        for (long gpa = 0; gpa <= LAST; gpa += 4096) {
            td.setEntry(gpa, 0, td.entry(gpa, 0) + 4096);
        }
        expect(TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertStillSmall();
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 4096, LAST})
    void hostPriorityInASmallEntryDoesNotMatter(long gpa) {
        td.setEntry(gpa, 0, td.entry(gpa, 0) | SEPT_HOST_PRIORITY);
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
        assertEquals(0, td.entry(0, 1) & SEPT_HOST_PRIORITY);
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "1, 511", "3, 0", "3, 511"})
    void anL2VmThatMapsASmallPageKeepsThemSmall(int vm, int entry) {
        long hpa = page(8, vm) + entry * 8L;
        host.machine.memory().write64(hpa, 1);
        expect(TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertStillSmall();
        host.machine.memory().write64(hpa, 0);
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
    }

    /** It is asked for before each page of an L2 VM, and before the pages are merged. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void anInterruptLeavesEverythingAsItWas(int polls) {
        host.inspection().interruptAfterPolls(polls);
        expect(TdxStatus.INTERRUPTED_RESTARTABLE, promote(1, GPA_2M));
        assertEquals(GPA_2M, host.regs.rcx);
        assertEquals(TDR, host.regs.rdx);
        assertEquals(88, host.regs.r12);
        assertStillSmall();
        host.inspection().interruptAfterPolls(3);
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
        assertMerged();
    }

    @Test
    void eachSeptPageAndTheRegionMustBeUnlocked() {
        for (long page : new long[] {septPage(1), page(8, 1), page(8, 3)}) {
            host.inspection().setLockWord(PageLevel.SIZE_4K, page, 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), promote(1, GPA_2M));
            assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_4K, page));
            host.inspection().setLockWord(PageLevel.SIZE_4K, page, 0);
            assertStillSmall();
        }
        host.setLock2m(6, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), promote(1, GPA_2M));
        assertEquals(6, host.lock2m(6));
        assertEquals(88, host.regs.r12);
        host.setLock2m(6, 0);
        assertStillSmall();
        expect(TdxStatus.SUCCESS, promote(1, GPA_2M));
        assertMerged();
    }

    @Test
    void theEntryMustLeadToASeptPage() {
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), promote(0, GPA_2M + (2 << 20)));
        assertEquals(1, host.regs.rdx);
        expect(TdxStatus.SUCCESS, promote(0, GPA_2M));
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), promote(0, GPA_2M));
        assertEquals(2 << 8 | 1, host.regs.rdx);
    }

    @Test
    void onlyEntriesOfLevels1And2CanBeMerged() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), promote(0, 0));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), promote(0, 3));
    }

    private int typeWithoutLocks(long hpa) {
        TdxModule module = host.machine.module();
        return module.pamt().typeOf(module.tdmrs().covering(hpa), hpa);
    }

    @Test
    void a1GPageForgetsHowMuchOfItsPartsWasAccepted() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA_1G, page(8, 9), NO_PAGE, NO_PAGE, NO_PAGE));
        for (int i = 0; i < 512; i++) {
            td.aug(GPA_1G - 2 + i * PageLevel.SIZE_2M.bytes(), region(FIRST_OF_SECOND_GIB + i));
        }
        long first = td.entry(GPA_1G - 2, 1);
        td.setEntry(GPA_1G - 2, 1, first | 5 << 12);
        long seventh = GPA_1G - 2 + 7 * PageLevel.SIZE_2M.bytes();
        td.setEntry(seventh, 1, td.entry(seventh, 1) | 6 << 12);
        td.block(GPA_1G);
        expect(TdxStatus.SUCCESS, promote(0, GPA_1G));
        assertEquals(first, td.entry(GPA_1G - 2, 2));
    }

    @Test
    void a1GPageIsMergedAndSplitWithoutAPair() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA_1G, page(8, 9), NO_PAGE, NO_PAGE, NO_PAGE));
        for (int i = 0; i < 512; i++) {
            td.aug(GPA_1G - 2 + i * PageLevel.SIZE_2M.bytes(), region(FIRST_OF_SECOND_GIB + i));
        }
        long children = td.childPages();
        td.block(GPA_1G);
        expect(TdxStatus.SUCCESS, promote(0, GPA_1G));
        assertEquals(page(8, 9), host.regs.rcx);
        assertEquals(88, host.regs.r12);
        assertEquals(99, host.regs.r13);
        assertEquals(children - 1, td.childPages());
        assertEquals(PageType.REG, host.typeOf(region(FIRST_OF_SECOND_GIB) | 2));
        assertEquals(2, host.regs.r8);
        assertEquals(TDR, host.regs.rdx);
        assertEquals(PageType.REG, typeWithoutLocks(page(FIRST_OF_SECOND_GIB + 7, 9)));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_1G, region(FIRST_OF_SECOND_GIB)));
        for (int i = 0; i < 512; i++) {
            assertEquals(0, host.entry2m(FIRST_OF_SECOND_GIB + i, 0) & 0x1F_FFFF);
        }
        host.inspection().setLockWord(PageLevel.SIZE_1G, region(FIRST_OF_SECOND_GIB), 4);
        long reclaimed = td.call(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, region(FIRST_OF_SECOND_GIB), 0, 0);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), reclaimed);
        assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_1G, region(FIRST_OF_SECOND_GIB)));
        host.inspection().setLockWord(PageLevel.SIZE_1G, region(FIRST_OF_SECOND_GIB), 0);
        td.block(GPA_1G);
        host.regs.clear();
        host.regs.r8 = page(8, 9);
        host.regs.r9 = NO_PAGE;
        host.regs.r10 = NO_PAGE;
        host.regs.r11 = NO_PAGE;
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.MEM_PAGE_DEMOTE, GPA_1G, TDR));
        assertEquals(children, td.childPages());
        for (int i = 0; i < 512; i++) {
            assertEquals(PageType.REG, host.typeOf(region(FIRST_OF_SECOND_GIB + i) | 1));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(1, host.regs.r8);
            assertEquals(0, host.regs.r9);
            long small = td.entry(GPA_1G - 2 + i * PageLevel.SIZE_2M.bytes(), 1);
            assertEquals(region(FIRST_OF_SECOND_GIB + i), small & (1L << 40) - 4096);
        }
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA_1G - 1, TDR, 0);
        assertEquals(2 << 8 | 1, host.regs.rdx);
        td.block(GPA_1G);
        expect(TdxStatus.SUCCESS, promote(0, GPA_1G));
        host.typeOf(region(FIRST_OF_SECOND_GIB) | 2);
        assertEquals(0, host.regs.r9, "the page forgets when the one before it was blocked");
    }
}
