package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** MEM.PAGE.ADD, AUG, REMOVE and RELOCATE, and MR.EXTEND: the page, the entry, the counts and what is held afterwards. */
class PrivatePagesTest {
    private static final long GPA_4K = 0x5000;
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(2 << 20);
    private static final long SOURCE = 0x8000;
    private static final long HINT = 1L << 62;
    private static final long TD_KEY = 40L << 40;
    private static final long ANY_ACCESS = 7 | 1 << 10;
    private static final long PENDING = 1L << 56;
    private static final long BLOCKED = 1L << 55;
    private static final long PAGE = 1L << 63 | 0xF0 | TD_KEY;
    private static final long FREE = 0x80E0L << 48;

    private final TestHost host = TestHost.ready();
    private TestTd td;
    private long childPages;

    private void use(TestTd given) {
        td = given;
        expect(TdxStatus.SUCCESS, td.septAdd(1, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        childPages = td.childPages();
    }

    private void assertUnlocked(long... pages) {
        for (int region : new int[] {5, 6, 7, 8, 9}) {
            assertEquals(0, host.lock2m(region), () -> "region " + region);
        }
        for (long page : pages) {
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        }
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, td.entry(GPA_4K, 0) & 1L << 11);
    }

    @Nested
    class OfATdThatIsBeingBuilt {
        OfATdThatIsBeingBuilt() {
            use(TestTd.unfinished(host));
        }

        private long add(long gpa, long hpa, long sourceHpa) {
            host.regs.clear();
            host.regs.r8 = hpa;
            host.regs.r9 = sourceHpa;
            return host.call(SeamcallLeaf.MEM_PAGE_ADD, gpa, TDR);
        }

        @Test
        void addCopiesThePageOfTheHostAndMapsIt() {
            host.machine.memory().write64(SOURCE, 11);
            host.machine.memory().write64(SOURCE + 4088, 12);
            expect(TdxStatus.SUCCESS, add(GPA_4K, page(8, 1), SOURCE | 5L << 40));
            assertEquals(0, host.regs.rcx);
            assertEquals(0, host.regs.rdx);
            assertEquals(11, host.machine.memory().read64(page(8, 1)));
            assertEquals(12, host.machine.memory().read64(page(8, 1) + 4088));
            assertEquals(PAGE | page(8, 1) | ANY_ACCESS, td.entry(GPA_4K, 0));
            assertEquals(childPages + 1, td.childPages());
            assertEquals(1, host.pagesInUse(8));
            assertEquals(PageType.REG, host.typeOf(page(8, 1)));
            assertEquals(TDR, host.regs.rdx);
            assertUnlocked(page(8, 1));
        }

        @Test
        void addChecksTheEntryThenTheSourceThenThePage() {
            expect(TdxStatus.SUCCESS, add(0, page(8, 1), SOURCE));
            expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), add(0, 8, 8));
            assertEquals(4 << 8, host.regs.rdx);
            assertEquals(1L << 63 | 0xF0 | page(8, 1) | ANY_ACCESS, host.regs.rcx);
            for (long bad : new long[] {SOURCE + 8, SOURCE + 2048, SOURCE | TD_KEY, SOURCE | 1L << 52}) {
                expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R9), add(GPA_4K, 8, bad));
            }
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), add(GPA_4K, 8, SOURCE));
            expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8), add(GPA_4K, page(8, 1), SOURCE));
            expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.R8), add(GPA_4K, page(7, 1), SOURCE));
            assertEquals(FREE, td.entry(GPA_4K, 0));
            assertEquals(childPages + 1, td.childPages());
            assertUnlocked(page(8, 1));
        }

        @Test
        void addIsFor4KPagesAlone() {
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), add(GPA_2M, region(6), SOURCE));
        }

        @Test
        void addForgetsWhenThePageWasBlocked() {
            td.succeed(SeamcallLeaf.MEM_PAGE_AUG, 0, TDR, page(8, 1));
            td.block(0);
            td.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, 0, TDR, 0);
            expect(TdxStatus.SUCCESS, add(GPA_4K, page(8, 1), SOURCE));
            host.typeOf(page(8, 1));
            assertEquals(0, host.regs.r9);
        }

        @Test
        void extendMeasures256BytesOfAPageThatIsMapped() {
            expect(TdxStatus.SUCCESS, add(GPA_4K, page(8, 1), SOURCE));
            td.succeed(SeamcallLeaf.MR_EXTEND, GPA_4K, TDR, 0);
            td.succeed(SeamcallLeaf.MR_EXTEND, GPA_4K + 0xF00, TDR, 0);
            assertEquals(0, host.regs.rcx);
            for (long bad : new long[] {GPA_4K + 128, GPA_4K + 1, GPA_4K | 1L << 46, GPA_4K | 1L << 63}) {
                expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), td.call(SeamcallLeaf.MR_EXTEND, bad, TDR, 0));
            }
            assertUnlocked(page(8, 1));
        }

        @Test
        void extendDescribesWhereTheWalkEndsWithoutAMappedPage() {
            expect(
                    TdxStatus.EPT_ENTRY_NOT_PRESENT.with(TdxOperand.RCX),
                    td.call(SeamcallLeaf.MR_EXTEND, GPA_4K, TDR, 0));
            assertEquals(1L << 63, host.regs.rcx);
            assertEquals(0, host.regs.rdx);
            td.succeed(SeamcallLeaf.MEM_PAGE_AUG, GPA_2M, TDR, region(6));
            expect(
                    TdxStatus.EPT_ENTRY_NOT_PRESENT.with(TdxOperand.RCX),
                    td.call(SeamcallLeaf.MR_EXTEND, GPA_2M - 1 + 256, TDR, 0));
            assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
            assertEquals(2 << 8 | 1, host.regs.rdx);
        }
    }

    @Nested
    class OfATdThatRuns {
        OfATdThatRuns() {
            use(new TestTd(host));
        }

        private long aug(long gpaAndLevel, long hpa) {
            return td.call(SeamcallLeaf.MEM_PAGE_AUG, gpaAndLevel, TDR, hpa);
        }

        private long remove(long gpaAndLevel) {
            return td.call(SeamcallLeaf.MEM_PAGE_REMOVE, gpaAndLevel, TDR, 0);
        }

        private long relocate(long gpa, long hpa) {
            return td.call(SeamcallLeaf.MEM_PAGE_RELOCATE, gpa, TDR, hpa);
        }

        private void accept(long gpaAndLevel) {
            long gpa = gpaAndLevel & ~7;
            int level = (int) (gpaAndLevel & 7);
            td.setEntry(gpa, level, (td.entry(gpa, level) & ~PENDING) | ANY_ACCESS);
        }

        @Test
        void addAndExtendAreTooLate() {
            expect(TdxStatus.OP_STATE_INCORRECT.with(2), td.call(SeamcallLeaf.MEM_PAGE_ADD, GPA_4K, TDR, page(8, 1)));
            expect(TdxStatus.OP_STATE_INCORRECT.with(2), td.call(SeamcallLeaf.MR_EXTEND, GPA_4K, TDR, 0));
            assertUnlocked();
        }

        @Test
        void augGivesA4KPageThatTheGuestMustAccept() {
            host.machine.memory().write64(page(8, 1), 7);
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            assertEquals(0, host.regs.rcx);
            assertEquals(0, host.regs.rdx);
            assertEquals(PAGE | PENDING | page(8, 1), td.entry(GPA_4K, 0));
            assertEquals(childPages + 1, td.childPages());
            assertEquals(1, host.pagesInUse(8));
            assertEquals(PageType.REG, host.typeOf(page(8, 1)));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(7, host.machine.memory().read64(page(8, 1)));
            assertUnlocked(page(8, 1));
        }

        @Test
        void augOfA2MPageCounts512ChildrenAndNoPageOfAPair() {
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            assertEquals(PAGE | PENDING | region(6), td.entry(GPA_2M - 1, 1));
            assertEquals(childPages + 512, td.childPages());
            assertEquals(PageType.REG, host.typeOf(region(6) | 1));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(1, host.regs.r8);
            assertUnlocked();
        }

        @Test
        void augChecksTheEntryAndThenThePage() {
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), aug(GPA_4K, 8));
            assertEquals(2 << 8, host.regs.rdx);
            assertEquals(1L << 63 | 0xF0 | page(8, 1), host.regs.rcx);
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), aug(0, page(8, 2) + 8));
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), aug(GPA_2M, page(6, 1)));
            expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R8), aug(0, 0x1000));
            expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R8), aug(GPA_2M, 2 << 20));
            expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8), aug(0, page(8, 1)));
            expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.R8), aug(0, page(7, 1)));
            assertEquals(FREE, td.entry(0, 0));
            assertEquals(FREE, td.entry(GPA_2M - 1, 1));
            assertEquals(childPages + 1, td.childPages());
            assertUnlocked(page(8, 1), page(8, 2));
        }

        @Test
        void augForgetsWhenThePageWasBlocked() {
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            td.block(GPA_2M);
            expect(TdxStatus.SUCCESS, remove(GPA_2M));
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            assertEquals(PageType.REG, host.typeOf(region(6) | 1));
            assertEquals(0, host.regs.r9);
        }

        @Test
        void removeReturnsThePageAndWithTheLastOfARegionTheHint() {
            expect(TdxStatus.SUCCESS, aug(0, page(8, 1)));
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 300)));
            td.block(0);
            td.block(GPA_4K);
            expect(TdxStatus.SUCCESS, remove(0));
            assertEquals(page(8, 1), host.regs.rcx);
            assertEquals(0, host.regs.rdx);
            assertEquals(1, host.pagesInUse(8));
            expect(TdxStatus.SUCCESS, remove(GPA_4K));
            assertEquals(page(8, 300) | HINT, host.regs.rcx);
            assertEquals(0, host.pagesInUse(8));
            assertEquals(childPages, td.childPages());
            assertEquals(FREE, td.entry(GPA_4K, 0));
            assertEquals(PageType.NDA, host.typeOf(page(8, 300)));
            assertUnlocked(page(8, 1), page(8, 300));
        }

        @Test
        void removeOfA2MPageTakesBack512ChildrenAndHintsAtNothing() {
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            td.block(GPA_2M);
            expect(TdxStatus.SUCCESS, remove(GPA_2M));
            assertEquals(region(6), host.regs.rcx);
            assertEquals(childPages, td.childPages());
            assertEquals(PageType.NDA, host.typeOf(region(6) | 1));
            assertEquals(FREE, td.entry(GPA_2M - 1, 1));
            assertUnlocked();
        }

        @Test
        void removeOfAPageThatIsHalfAcceptedReturnsItsAddress() {
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            td.setEntry(GPA_2M - 1, 1, td.entry(GPA_2M - 1, 1) | 5 << 12);
            expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), remove(GPA_2M));
            assertEquals(1L << 63 | 0xF0 | region(6), host.regs.rcx);
            td.setEntry(GPA_2M - 1, 1, td.entry(GPA_2M - 1, 1) | BLOCKED);
            td.succeed(SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
            expect(TdxStatus.SUCCESS, remove(GPA_2M));
            assertEquals(region(6), host.regs.rcx);
        }

        @Test
        void blockingAHalfAcceptedPageForgetsWhatIsAccepted() {
            expect(TdxStatus.SUCCESS, aug(GPA_2M, region(6)));
            td.setEntry(GPA_2M - 1, 1, td.entry(GPA_2M - 1, 1) | 5 << 12);
            td.block(GPA_2M);
            assertEquals(PAGE | PENDING | BLOCKED | region(6), td.entry(GPA_2M - 1, 1));
        }

        @Test
        void removeWantsAPageThatIsBlockedAndTracked() {
            expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), remove(GPA_4K));
            assertEquals(1L << 63, host.regs.rcx);
            expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), remove(1));
            assertEquals(0x84 << 8 | 1, host.regs.rdx);
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), remove(GPA_4K));
            assertEquals(2 << 8, host.regs.rdx);
            td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA_4K, TDR, 0);
            expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), remove(GPA_4K));
            assertEquals(0, host.regs.rdx);
            assertEquals(childPages + 1, td.childPages());
            assertUnlocked(page(8, 1));
        }

        @Test
        void removeNeedsTheLockOfThePageBeforeItAsksWhetherItIsBlocked() {
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            host.inspection().setLockWord(PageLevel.SIZE_4K, page(8, 1), 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), remove(GPA_4K));
            assertEquals(0, host.regs.rcx);
            assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_4K, page(8, 1)));
            host.inspection().setLockWord(PageLevel.SIZE_4K, page(8, 1), 0);
            assertUnlocked(page(8, 1));
        }

        @Test
        void relocateMovesAnAcceptedPageWithItsContents() {
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            accept(GPA_4K);
            host.machine.memory().write64(page(8, 1), 11);
            host.machine.memory().write64(page(8, 1) + 4088, 12);
            td.block(GPA_4K);
            long used = host.pagesInUse(5);
            expect(TdxStatus.SUCCESS, relocate(GPA_4K, page(5, 100)));
            assertEquals(page(8, 1) | HINT, host.regs.rcx);
            assertEquals(0, host.regs.rdx);
            assertEquals(11, host.machine.memory().read64(page(5, 100)));
            assertEquals(12, host.machine.memory().read64(page(5, 100) + 4088));
            assertEquals(PAGE | ANY_ACCESS | page(5, 100), td.entry(GPA_4K, 0));
            assertEquals(PageType.NDA, host.typeOf(page(8, 1)));
            assertEquals(PageType.REG, host.typeOf(page(5, 100)));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(0, host.pagesInUse(8));
            assertEquals(used + 1, host.pagesInUse(5));
            assertEquals(childPages + 1, td.childPages());
            assertUnlocked(page(8, 1), page(5, 100));
        }

        @Test
        void relocateMovesAPendingPageWithoutItsContents() {
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            host.machine.memory().write64(page(8, 1), 11);
            td.block(GPA_4K);
            expect(TdxStatus.SUCCESS, relocate(GPA_4K, page(8, 2)));
            assertEquals(page(8, 1), host.regs.rcx);
            assertEquals(0, host.machine.memory().read64(page(8, 2)));
            assertEquals(PAGE | PENDING | page(8, 2), td.entry(GPA_4K, 0));
            assertEquals(1, host.pagesInUse(8));
        }

        @Test
        void relocateChecksTheEntryTheOldPageAndThenTheNewOne() {
            expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), relocate(0, page(8, 1)));
            assertEquals(1L << 63, host.regs.rcx);
            expect(TdxStatus.SUCCESS, aug(GPA_4K, page(8, 1)));
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), relocate(GPA_4K, page(8, 1)));
            host.inspection().setLockWord(PageLevel.SIZE_4K, page(8, 1), 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), relocate(GPA_4K, 8));
            host.inspection().setLockWord(PageLevel.SIZE_4K, page(8, 1), 0);
            expect(TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX), relocate(GPA_4K, 8));
            td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA_4K, TDR, 0);
            expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), relocate(GPA_4K, 8));
            td.succeed(SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), relocate(GPA_4K, 8));
            expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8), relocate(GPA_4K, TestTd.TDVPR));
            expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.R8), relocate(GPA_4K, page(7, 1)));
            assertEquals(PAGE | PENDING | BLOCKED | page(8, 1), td.entry(GPA_4K, 0));
            assertEquals(PageType.REG, host.typeOf(page(8, 1)));
            assertEquals(1, host.pagesInUse(8));
            assertUnlocked(page(8, 1), TestTd.TDVPR);
        }

        @ParameterizedTest
        @ValueSource(longs = {1, 2})
        void relocateIsFor4KPagesAlone(long level) {
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), relocate(level, page(8, 1)));
        }
    }
}
