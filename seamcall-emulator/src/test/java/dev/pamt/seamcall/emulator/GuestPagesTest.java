package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import dev.pamt.seamcall.harness.GuestDriver.StepResult;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** TDG.MEM.PAGE.ACCEPT and plain accesses of a guest, against every state of its Secure EPT. */
class GuestPagesTest {
    private static final long ACCEPT = 6;
    private static final long EPT_VIOLATION = 48;
    private static final int PAGE_FAULT = 14;
    private static final int VIRTUALISATION = 20;
    private static final long GPA_4K = 0x5000;
    private static final long GPA_2M = 2 << 20;
    private static final long LEVEL_2M = 1;
    private static final long SEPT_LOCK = 1L << 11;
    private static final long SEPT_HOST_PRIORITY = 1L << 52;
    private static final long PENDING = 1L << 56;
    private static final long BLOCKED = 1L << 55;
    private static final long ANY_ACCESS = 7 | 1 << 10;
    private static final long PAGE = 1L << 63 | 0xF0 | 40L << 40;
    private static final long FREE = 0;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host);
    private final GuestDriver guests = host.inspection().guests().orElseThrow();
    private final SeamcallRegisters regs = new SeamcallRegisters();

    /** A 4K page at one address and a 2M page at another, both pending. */
    @BeforeEach
    void aTdWithPagesWhoseVcpuIsEntered() {
        expect(TdxStatus.SUCCESS, td.septAdd(LEVEL_2M, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, GPA_4K, TDR, page(5, 100));
        td.aug(GPA_2M, region(6));
        enter();
    }

    private void enter() {
        regs.clear();
        regs.rcx = TDVPR;
        assertEquals(GuestDriver.ENTERED, guests.enter(0, regs));
        guests.enterLongMode(0);
    }

    private StepResult accept(long gpaAndLevel) {
        SeamcallRegisters guestRegs = new SeamcallRegisters();
        guestRegs.rcx = gpaAndLevel;
        return guests.tdcall(0, ACCEPT, guestRegs);
    }

    private void assertAnswered(long status, StepResult step) {
        assertEquals(StepOutcome.DONE, step.outcome());
        expect(status, step.value());
    }

    /** The host is told the level that was asked for, the one reached, and the state there. */
    private void assertFaultedOut(long gpa, long asked, long reached, long state, boolean leaf, StepResult step) {
        assertEquals(new StepResult(StepOutcome.EXIT, EPT_VIOLATION), step);
        assertEquals(2, regs.rcx);
        assertEquals(1 | asked << 32 | reached << 35 | state << 38 | (leaf ? 1L << 46 : 0), regs.rdx);
        assertEquals(gpa, regs.r8);
        assertEquals(0, regs.r9);
    }

    /** No such level, reserved bits, not aligned, shared or too high. */
    @ParameterizedTest
    @ValueSource(
            longs = {
                2,
                7,
                1 << 3,
                1 << 11,
                LEVEL_2M | 1 << 12,
                LEVEL_2M | 1 << 20,
                1L << 46,
                1L << 47,
                1L << 52,
                1L << 63
            })
    void anAddressThatCannotBeIsRefused(long gpaAndLevel) {
        assertAnswered(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), accept(gpaAndLevel));
    }

    @Test
    void acceptZeroesA4KPageAndMapsIt() {
        host.machine.memory().write64(page(5, 99) + 4088, 3);
        host.machine.memory().write64(page(5, 100), 3);
        host.machine.memory().write64(page(5, 100) + 4088, 3);
        assertAnswered(0, accept(GPA_4K));
        assertEquals(0, host.machine.memory().read64(page(5, 100)));
        assertEquals(0, host.machine.memory().read64(page(5, 100) + 4088));
        assertEquals(3, host.machine.memory().read64(page(5, 99) + 4088));
        assertEquals(PAGE | ANY_ACCESS | page(5, 100), td.entry(GPA_4K, 0));
        assertAnswered(TdxStatus.PAGE_ALREADY_ACCEPTED.with(0), accept(GPA_4K));
        assertEquals(PAGE | ANY_ACCESS | page(5, 100), td.entry(GPA_4K, 0));
    }

    @Test
    void acceptZeroesA2MPageAndMapsIt() {
        for (int i = 0; i < 512; i++) {
            host.machine.memory().write64(page(6, i), 3);
        }
        assertAnswered(0, accept(GPA_2M | LEVEL_2M));
        for (int i = 0; i < 512; i++) {
            assertEquals(0, host.machine.memory().read64(page(6, i)), "page " + i);
        }
        assertEquals(PAGE | ANY_ACCESS | region(6), td.entry(GPA_2M, 1));
        assertAnswered(TdxStatus.PAGE_ALREADY_ACCEPTED.with(1), accept(GPA_2M | LEVEL_2M));
        assertAnswered(TdxStatus.PAGE_ALREADY_ACCEPTED.with(1), accept(GPA_2M + GPA_4K));
    }

    /** The poll after the last page is none: the work is done. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 510})
    void anInterruptedAcceptKeepsItsPlace(int polls) {
        host.machine.memory().write64(page(6, polls), 3);
        host.machine.memory().write64(page(6, 511), 3);
        host.inspection().interruptAfterPolls(polls);
        assertEquals(StepOutcome.INTERRUPTED, accept(GPA_2M | LEVEL_2M).outcome());
        assertEquals(0, host.machine.memory().read64(page(6, polls)));
        assertEquals(3, host.machine.memory().read64(page(6, 511)));
        assertEquals(PAGE | PENDING | region(6) | (polls + 1L) << 12, td.entry(GPA_2M, 1));
        host.machine.memory().write64(page(6, polls), 4);
        assertAnswered(0, accept(GPA_2M | LEVEL_2M));
        assertEquals(4, host.machine.memory().read64(page(6, polls)));
        assertEquals(0, host.machine.memory().read64(page(6, 511)));
        assertEquals(PAGE | ANY_ACCESS | region(6), td.entry(GPA_2M, 1));
    }

    @Test
    void acceptOfA2MPageAsksForInterruptsBetweenItsPagesAlone() {
        host.inspection().interruptAfterPolls(511);
        assertAnswered(0, accept(GPA_2M | LEVEL_2M));
    }

    @Test
    void a4KPageOfAPending2MPageMustBeMadeOneByTheHost() {
        assertFaultedOut(GPA_2M + GPA_4K, 0, 1, 2, true, accept(GPA_2M + GPA_4K));
    }

    @Test
    void a2MPageOfSmallOnesHasAnotherSize() {
        assertAnswered(TdxStatus.PAGE_SIZE_MISMATCH.with(1), accept(LEVEL_2M));
    }

    @Test
    void a2MPageOfSmallOnesThatIsBlockedHasAnotherSizeToo() {
        td.setEntry(0, 1, (td.entry(0, 1) & ~ANY_ACCESS) | BLOCKED);
        assertAnswered(TdxStatus.PAGE_SIZE_MISMATCH.with(1), accept(LEVEL_2M));
        assertEquals(0, td.entry(0, 1) & SEPT_LOCK);
    }

    @Test
    void whereNothingIsTheHostMustBringAPage() {
        assertFaultedOut(0, 0, 0, FREE, false, accept(0));
        assertEquals(0, td.entry(0, 0) & SEPT_LOCK);
        enter();
        assertFaultedOut(2 * GPA_2M, 0, 1, FREE, false, accept(2 * GPA_2M));
        enter();
        assertFaultedOut(2 * GPA_2M, 1, 1, FREE, false, accept(2 * GPA_2M | LEVEL_2M));
        enter();
        assertFaultedOut(1L << 30, 1, 2, FREE, false, accept(1L << 30 | LEVEL_2M));
    }

    @ParameterizedTest
    @CsvSource({"true, 3", "false, 1"})
    void aBlockedPageIsTheHostsBusiness(boolean pending, int state) {
        long blocked = PAGE | page(5, 100) | BLOCKED | (pending ? PENDING : 0);
        td.setEntry(GPA_4K, 0, blocked);
        assertFaultedOut(GPA_4K, 0, 0, state, true, accept(GPA_4K));
        assertEquals(blocked, td.entry(GPA_4K, 0));
    }

    @Test
    void anEntryThatIsLockedIsBusyAndGetsNoHostPriority() {
        long entry = td.entry(GPA_4K, 0) | SEPT_LOCK;
        td.setEntry(GPA_4K, 0, entry);
        assertAnswered(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), accept(GPA_4K));
        assertEquals(entry, td.entry(GPA_4K, 0));
    }

    @Test
    void hostPriorityKeepsTheGuestOutUntilAHostCallHasTheEntry() {
        long entry = td.entry(GPA_4K, 0) | SEPT_HOST_PRIORITY;
        td.setEntry(GPA_4K, 0, entry);
        assertAnswered(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), accept(GPA_4K));
        assertEquals(entry, td.entry(GPA_4K, 0));
        expect(TdxStatus.SUCCESS, host.calls(1).memSeptRd(new SeamcallRegisters(), GPA_4K, TDR));
        assertAnswered(0, accept(GPA_4K));
    }

    @Test
    void anAccessToAnAcceptedPageGoesThrough() {
        accept(GPA_2M | LEVEL_2M);
        assertEquals(
                StepOutcome.DONE,
                guests.access(0, GPA_2M + 0x12345, AccessKind.WRITE).outcome());
    }

    @Test
    void anAccessToAPendingPageIsAnExceptionOfTheGuests() {
        assertEquals(new StepResult(StepOutcome.EXCEPTION, VIRTUALISATION), guests.access(0, GPA_2M, AccessKind.READ));
    }

    @Test
    void aTdCanAskThatAnAccessToAPendingPageGoesToTheHost() {
        TestHost other = TestHost.ready();
        TestTd disabled = new TestTd(other, 0, 1 << 28);
        disabled.aug(GPA_2M, region(6));
        GuestDriver its = other.inspection().guests().orElseThrow();
        SeamcallRegisters out = new SeamcallRegisters();
        out.rcx = TDVPR;
        its.enter(0, out);
        assertEquals(new StepResult(StepOutcome.EXIT, EPT_VIOLATION), its.access(0, GPA_2M + 0x123, AccessKind.READ));
        assertEquals(1, out.rcx);
        assertEquals(6, out.rdx);
        assertEquals(GPA_2M, out.r8);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 2 * GPA_2M, 1L << 47, 1L << 47 | GPA_4K})
    void anAccessWhereNothingIsOrToSharedMemoryGoesToTheHost(long gpa) {
        assertEquals(new StepResult(StepOutcome.EXIT, EPT_VIOLATION), guests.access(0, gpa, AccessKind.EXECUTE));
        assertEquals(4, regs.rcx);
        assertEquals(0, regs.rdx);
        assertEquals(gpa, regs.r8);
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 46, 1L << 48, 1L << 47 | 1L << 48})
    void anAccessToAnAddressThatCannotBeIsAPageFault(long gpa) {
        assertEquals(new StepResult(StepOutcome.EXCEPTION, PAGE_FAULT), guests.access(0, gpa, AccessKind.READ));
    }

    @Test
    void aFatalErrorOfAGuestEndsTheModule() {
        td.setEntry(GPA_4K, 0, ~(1L << 11 | 1L << 52));
        assertThrows(SeamcallUnavailableException.class, () -> accept(GPA_4K));
        assertEquals(
                new FatalError(18, SeamcallLeaf.VP_ENTER, 0),
                host.machine.fatal().orElseThrow());
        assertThrows(SeamcallUnavailableException.class, () -> host.rdmd(TDR));
    }

    @Test
    void aBlockedPageFaultsAtOnce() {
        accept(GPA_2M | LEVEL_2M);
        expect(TdxStatus.SUCCESS, host.calls(1).memRangeBlock(host.regs, GPA_2M | LEVEL_2M, TDR));
        assertEquals(new StepResult(StepOutcome.EXIT, EPT_VIOLATION), guests.access(0, GPA_2M, AccessKind.READ));
    }

    /** Seven faults at one instruction: the host looks as if it stepped through the guest. */
    private long faultUntilSuspected(TestTd given, GuestDriver its, SeamcallRegisters out, long gpa) {
        for (int i = 0; i < 7; i++) {
            out.clear();
            out.rcx = TDVPR;
            assertEquals(GuestDriver.ENTERED, its.enter(0, out));
            assertEquals(EPT_VIOLATION, its.access(0, gpa, AccessKind.READ).value());
        }
        given.aug(gpa, region(6));
        out.clear();
        out.rcx = TDVPR;
        return its.enter(0, out);
    }

    @Test
    void aPendingPageStillFaultsOutOnlyInATdThatAskedForIt() {
        TestHost other = TestHost.ready();
        TestTd disabled = new TestTd(other, 0, 1 << 28);
        assertEquals(
                EPT_VIOLATION,
                faultUntilSuspected(
                        disabled, other.inspection().guests().orElseThrow(), new SeamcallRegisters(), GPA_2M));
        TestHost third = TestHost.ready();
        TestTd plain = new TestTd(third);
        assertEquals(
                GuestDriver.ENTERED,
                faultUntilSuspected(plain, third.inspection().guests().orElseThrow(), new SeamcallRegisters(), GPA_2M));
    }
}
