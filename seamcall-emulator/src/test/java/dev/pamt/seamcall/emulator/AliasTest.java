package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static dev.pamt.seamcall.emulator.TestTd.septPages;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import dev.pamt.seamcall.harness.GuestDriver.StepResult;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** TDG.MEM.PAGE.ATTR.WR: aliases of a TD's pages for its L2 VMs, and what host calls and ACCEPT make of them. */
class AliasTest {
    private static final long LEVEL_2M = 1;
    private static final long GPA_4K = 0;
    private static final long GPA_2M = PageLevel.SIZE_2M.bytes();
    private static final long PAGE = page(5, 100);
    private static final long KEY = 40L << 40;
    private static final long VALID = 0x8000;
    private static final long ALL = VALID | 0xF;
    private static final long VM1 = 1L << 16;
    private static final long VM2 = 1L << 32;
    private static final long OF_TD = ALL;
    private static final long OPEN = 0x407 | 0x30 | 0xC0 | KEY;
    /** R, Xs and Xu where the memory type was, W in bit 59. */
    private static final long BLOCKED = 1L << 55 | 1L << 59 | 0x38 | 0xC0 | KEY;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host, 2, 1);
    private final GuestDriver guests = host.inspection().guests().orElseThrow();
    private final SeamcallRegisters regs = new SeamcallRegisters();
    private final SeamcallRegisters guest = new SeamcallRegisters();

    /** A 4K page at one address and a 2M page at another, both pending; the first VM has its tree down to both. */
    @BeforeEach
    void aTdWithAnL2VmThatRuns() {
        expect(TdxStatus.SUCCESS, td.septAdd(LEVEL_2M, septPage(1), septPage(1, 1), NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, GPA_4K, TDR, PAGE);
        td.aug(GPA_2M, region(6));
        enter();
    }

    private void enter() {
        regs.clear();
        regs.rcx = TDVPR;
        assertEquals(GuestDriver.ENTERED, guests.enter(0, regs));
        guests.enterLongMode(0);
    }

    private void leave() {
        guests.interrupt(0);
    }

    private void accept(long gpaAndLevel) {
        guest.rcx = gpaAndLevel;
        assertEquals(new StepResult(StepOutcome.DONE, 0), guests.tdcall(0, TdcallLeaf.MEM_PAGE_ACCEPT.rax(), guest));
    }

    private StepResult write(long gpaAndLevel, long attributes, long mask) {
        guest.rcx = gpaAndLevel;
        guest.rdx = attributes;
        guest.r8 = mask;
        return guests.tdcall(0, TdcallLeaf.MEM_PAGE_ATTR_WR.rax(), guest);
    }

    private void assertWritten(long expected, long gpaAndLevel, long attributes, long mask) {
        assertEquals(new StepResult(StepOutcome.DONE, 0), write(gpaAndLevel, attributes, mask));
        assertEquals(gpaAndLevel, guest.rcx);
        assertEquals(expected, guest.rdx, () -> Long.toHexString(guest.rdx));
    }

    private void assertRefused(long status, long gpaAndLevel, long attributes, long mask) {
        StepResult step = write(gpaAndLevel, attributes, mask);
        assertEquals(StepOutcome.DONE, step.outcome());
        expect(status, step.value());
        assertEquals(0, guest.rcx);
    }

    /** The entry of the first L2 VM for a 4K page of the first 2 MiB. */
    private long alias4k(int index) {
        return host.machine.memory().read64(septPage(1, 1) + index * 8L);
    }

    /** The entry of the first L2 VM for the second 2 MiB. */
    private long alias2m() {
        return host.machine.memory().read64(septPage(1, 2) + 8);
    }

    private boolean isAliased(long gpa, int level, int vm) {
        return (td.entry(gpa, level) >>> (57 + vm) & 1) != 0;
    }

    private void block(long gpaAndLevel) {
        leave();
        td.block(gpaAndLevel);
    }

    @Test
    void anAliasOfAnAcceptedPageIsOpen() {
        accept(GPA_4K);
        assertWritten(OF_TD | ALL * VM1, GPA_4K, ALL * VM1, 0x7F * VM1);
        assertEquals(OPEN | PAGE, alias4k(0));
        assertEquals(0, alias4k(1));
        assertEquals(true, isAliased(GPA_4K, 0, 1));
        assertEquals(false, isAliased(GPA_4K, 0, 2));
        assertEquals(0, td.entry(GPA_4K, 0) >>> 11 & 1);
    }

    @Test
    void anAliasOfAPendingPageOpensWhenThePageIsAccepted() {
        assertWritten(OF_TD | ALL * VM1, GPA_4K, ALL * VM1, 0x7F * VM1);
        assertEquals(BLOCKED | PAGE, alias4k(0));
        accept(GPA_4K);
        assertEquals(OPEN | PAGE, alias4k(0));
        assertEquals(true, isAliased(GPA_4K, 0, 1));
    }

    /** R, W, Xs, Xu, VGP, PWA, SSS have a bit each, and survive a block of the page. */
    @ParameterizedTest
    @CsvSource({
        "0x01, 0x1",
        "0x03, 0x3",
        "0x04, 0x4",
        "0x08, 0x400",
        "0x11, 0x200000000000001",
        "0x21, 0x400000000000001",
        "0x41, 0x1000000000000001"
    })
    void eachAttributeHasItsBit(long attributes, String bits) {
        accept(GPA_4K);
        assertWritten(OF_TD | (VALID | attributes) * VM1, GPA_4K, (VALID | attributes) * VM1, 0x7F * VM1);
        long entry = Long.decode(bits) | 0x30 | 0xC0 | KEY | PAGE;
        assertEquals(entry, alias4k(0));
        block(GPA_4K);
        assertEquals(0, alias4k(0) & 0x407);
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_4K, TDR, 0);
        assertEquals(entry, alias4k(0));
    }

    @Test
    void theMaskSaysWhichAttributesChange() {
        accept(GPA_4K);
        assertWritten(OF_TD | ALL * VM1, GPA_4K, ALL * VM1, 0x7F * VM1);
        assertWritten(OF_TD | (VALID | 0xD) * VM1, GPA_4K, VALID * VM1, 0x2 * VM1);
        assertEquals((OPEN | PAGE) & ~2, alias4k(0));
        assertWritten(OF_TD, GPA_4K, 0, 0x7F * VM1);
        assertEquals((OPEN | PAGE) & ~2, alias4k(0));
    }

    @Test
    void anAliasWithoutAccessIsNone() {
        accept(GPA_4K);
        assertWritten(OF_TD | VALID * VM1, GPA_4K, VALID * VM1, 0xF * VM1);
        assertEquals(false, isAliased(GPA_4K, 0, 1));
        assertWritten(OF_TD | ALL * VM1, GPA_4K, ALL * VM1, 0xF * VM1);
        assertWritten(OF_TD | VALID * VM1, GPA_4K, VALID * VM1, 0xF * VM1);
        assertEquals(0, alias4k(0));
        assertEquals(false, isAliased(GPA_4K, 0, 1));
    }

    /** The TD itself is VM 0, and it has no third L2 VM. */
    @Test
    void attributesAreThoseOfAnL2VmThatExists() {
        long invalidRdx = TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        assertRefused(invalidRdx, GPA_4K, VALID, 0);
        assertRefused(invalidRdx, GPA_4K, ALL << 48, 0);
        assertRefused(invalidRdx, GPA_4K, 1 * VM1, 0);
        assertRefused(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), GPA_4K, 0, 1);
        assertRefused(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), GPA_4K, 0, 1L << 48);
        assertRefused(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), 3, 0, 0);
        assertEquals(0, guest.rdx);
    }

    /** Writing needs reading, #VE is never suppressed, and reserved bits are zero. */
    @ParameterizedTest
    @CsvSource({"0x2", "0x24", "0x81", "0x101", "0x4001"})
    void attributesThatCannotGoTogetherAreRefused(long attributes) {
        accept(GPA_4K);
        assertRefused(TdxStatus.PAGE_ATTR_INVALID.code(), GPA_4K, (VALID | attributes) * VM1, 0x7FFF * VM1);
        assertEquals(OF_TD, guest.rdx);
        assertEquals(0, alias4k(0));
        assertWritten(OF_TD | (VALID | 1) * VM1, GPA_4K, (VALID | 1) * VM1, 0x7F * VM1);
        assertRefused(TdxStatus.PAGE_ATTR_INVALID.code(), GPA_4K, (VALID | 0x22) * VM1, 0x23 * VM1);
        assertEquals(OF_TD | (VALID | 1) * VM1, guest.rdx);
    }

    @Test
    void anAliasNeedsTheTreeOfItsVm() {
        accept(GPA_4K);
        assertRefused(TdxStatus.L2_SEPT_WALK_FAILED.with(2L << 16 | 1), GPA_4K, ALL * VM2, 0xF * VM2);
        assertEquals(0, guest.rdx);
        assertEquals(0, td.entry(GPA_4K, 0) >>> 11 & 1);
        assertRefused(TdxStatus.PAGE_SIZE_MISMATCH.with(1), LEVEL_2M, ALL * VM1, 0xF * VM1);
    }

    @Test
    void aPageThatIsNotThereIsTheHostsMatter() {
        assertEquals(
                StepOutcome.EXIT, write(GPA_4K + 4096, ALL * VM1, 0xF * VM1).outcome());
        assertEquals(ALL * VM1, guest.rdx);
        assertEquals(5, regs.rdx);
        assertEquals(GPA_4K + 4096, regs.r8);
        enter();
        assertEquals(StepOutcome.EXIT, write(GPA_2M, ALL * VM1, 0xF * VM1).outcome());
        assertEquals(5 | 1L << 35 | 2L << 38 | 1L << 46, regs.rdx);
    }

    @Test
    void aBlockedPageKeepsItsAliasAndTheVmOut() {
        accept(GPA_4K);
        write(GPA_4K, ALL * VM1, 0xF * VM1);
        block(GPA_4K);
        assertEquals(BLOCKED | PAGE, alias4k(0));
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_4K, TDR, 0);
        assertEquals(OPEN | PAGE, alias4k(0));
    }

    @Test
    void theAliasOfAPendingPageStaysBlockedWhateverTheHostDoes() {
        write(GPA_4K, ALL * VM1, 0xF * VM1);
        block(GPA_4K);
        assertEquals(BLOCKED | PAGE, alias4k(0));
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_4K, TDR, 0);
        assertEquals(BLOCKED | PAGE, alias4k(0));
    }

    @Test
    void aPageThatIsRemovedTakesItsAliasAlong() {
        accept(GPA_4K);
        write(GPA_4K, ALL * VM1, 0xF * VM1);
        block(GPA_4K);
        td.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, GPA_4K, TDR, 0);
        assertEquals(0, alias4k(0));
        assertEquals(false, isAliased(GPA_4K, 0, 1));
    }

    @Test
    void anAliasFollowsItsPage() {
        accept(GPA_4K);
        write(GPA_4K, ALL * VM1, 0xF * VM1);
        block(GPA_4K);
        td.succeed(SeamcallLeaf.MEM_PAGE_RELOCATE, GPA_4K, TDR, page(5, 101));
        assertEquals(OPEN | page(5, 101), alias4k(0));
        assertEquals(true, isAliased(GPA_4K, 0, 1));
    }

    /** The 2M page becomes 512 with an alias each, and one again. */
    @ParameterizedTest
    @CsvSource({"true", "false"})
    void theAliasOfALargePageIsSplitAndMerged(boolean accepted) {
        if (accepted) {
            accept(GPA_2M | LEVEL_2M);
        }
        write(GPA_2M | LEVEL_2M, ALL * VM1, 0xF * VM1);
        long entry = accepted ? OPEN : BLOCKED;
        assertEquals(entry | region(6), alias2m());
        block(GPA_2M | LEVEL_2M);
        expect(
                TdxStatus.L2_SEPT_PAGE_NOT_PROVIDED.with(TdxOperand.R9),
                td.demote(GPA_2M, TDR, page(9, 2), page(9, 3), page(5, 110), NO_PAGE, NO_PAGE, NO_PAGE));
        expect(
                TdxStatus.SUCCESS,
                td.demote(GPA_2M, TDR, page(9, 2), page(9, 3), page(5, 110), page(5, 111), NO_PAGE, NO_PAGE));
        for (int i = 0; i < 512; i++) {
            assertEquals(entry | page(6, i), host.machine.memory().read64(page(5, 111) + i * 8L), "entry " + i);
        }
        assertEquals(true, isAliased(GPA_2M + 4096, 0, 1));
        td.block(GPA_2M | LEVEL_2M);
        expect(TdxStatus.SUCCESS, promote());
        assertEquals(page(5, 111), host.regs.r9);
        assertEquals(entry | region(6), alias2m());
        assertEquals(true, isAliased(GPA_2M, 1, 1));
    }

    private long promote() {
        host.regs.clear();
        host.regs.rcx = GPA_2M | LEVEL_2M;
        host.regs.rdx = TDR;
        return host.machine.processor(0).seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax(1), host.regs);
    }

    @Test
    void pagesWhoseAliasesDifferStaySmall() {
        accept(GPA_2M | LEVEL_2M);
        block(GPA_2M | LEVEL_2M);
        expect(
                TdxStatus.SUCCESS,
                td.demote(GPA_2M, TDR, page(9, 2), page(9, 3), page(5, 110), page(5, 111), NO_PAGE, NO_PAGE));
        enter();
        for (int i = 0; i < 512; i++) {
            write(GPA_2M + i * 4096L, (i == 511 ? VALID | 1 : ALL) * VM1, 0xF * VM1);
        }
        block(GPA_2M | LEVEL_2M);
        expect(TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX), promote());
        td.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_2M | LEVEL_2M, TDR, 0);
        enter();
        write(GPA_2M + 511 * 4096L, ALL * VM1, 0xF * VM1);
        block(GPA_2M | LEVEL_2M);
        expect(TdxStatus.SUCCESS, promote());
        assertEquals(OPEN | region(6), alias2m());
    }

    @Test
    void theHostOfADebuggableTdReadsTheAttributes() {
        accept(GPA_4K);
        write(GPA_4K, (VALID | 0x45) * VM1, 0x7F * VM1);
        leave();
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA_4K, TDR | 1, 0);
        assertEquals((VALID | 0x45) * VM1, host.regs.r8);
        td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA_4K, TDR, 0);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA_4K, TDR | 1, 0);
        assertEquals((VALID | 0x45) * VM1, host.regs.r8);
    }

    /** An L2 page cannot be added where an alias of a large page is. */
    @Test
    void anAliasEndsTheWalkOfItsVm() {
        accept(GPA_2M | LEVEL_2M);
        write(GPA_2M | LEVEL_2M, ALL * VM1, 0xF * VM1);
        long[] pages = septPages(1, 2);
        assertEquals(septPage(1, 1), pages[1]);
        leave();
        host.regs.clear();
        td.setEntry(GPA_2M, 1, 1L << 63 | 7 | 1L << 10 | KEY | page(5, 120));
        expect(
                TdxStatus.L2_SEPT_ENTRY_NOT_FREE.with(1L << 16 | 1),
                td.septAdd(GPA_2M | LEVEL_2M, NO_PAGE, page(5, 121), NO_PAGE, NO_PAGE));
        assertEquals(1L << 16 | 0x44 << 8 | 1, host.regs.rdx);
    }
}
