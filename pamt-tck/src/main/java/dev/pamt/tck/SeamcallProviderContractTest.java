package dev.pamt.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every SEAMCALL backend must do: the rules SPI-1 to SPI-14 of {@link SeamcallProvider}. Extend it, and open the backend; if
 * the backend lacks a {@link Capability}, say so, and the tests that need it are skipped with the reason.
 *
 * <p>Each test opens a machine of its own, with two processors and 16 GiB of memory, and brings its module up with Dynamic
 * PAMT and one TDMR of 1 GiB at 4 GiB. For the whole behaviour of the module there are recordings: {@code ./lab conformance}.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class SeamcallProviderContractTest extends BackendUnderTest {
    /** What a backend may lack. */
    public enum Capability {
        /** The module can do Dynamic PAMT, and the machine has memory where the test wants its TDMR. */
        DYNAMIC_PAMT,
        /** A {@link ModuleInspection} offers to write lock words. */
        INSPECTION
    }

    private static final long MISALIGNED = 0x800;
    private static final long OUTSIDE = 8L << 30;
    private static final int THREADS = 4;
    private static final int ROUNDS = 300;
    private static final int EXCLUSIVE = 1;
    private static final int SHARERS_SHIFT = 2;
    private static final long NON_LEAF_PAMT = 1L << 63 | 15;

    /** Makes the test; JUnit does. */
    protected SeamcallProviderContractTest() {}

    @Test
    void spi1AFailureIsAStatusAndNeverAnException() {
        bringUp();
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), calls().pageRdmd(marked(), -1));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), calls().pageRdmd(marked(), OUTSIDE));
    }

    /** An interrupted thread calls: a backend may take that as a reason not to send a call, but then it must not have sent it. */
    @Test
    void spi1ACallThatWasNotSentWasNotMade() {
        bringUp();
        long remove;
        Thread.currentThread().interrupt();
        try {
            expect(0, add(region(9), page(56, 0), page(56, 1)));
            remove = 0;
        } catch (SeamcallUnavailableException e) {
            assumeFalse(e.mayHaveBeenMade(), "the call may have been made, so there is nothing to check");
            remove = TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        } finally {
            Thread.interrupted();
        }
        try {
            expect(remove, calls().pamtRemove(regs.clear(), region(9)));
        } catch (SeamcallUnavailableException e) {
            abort("the module is lost, so there is nothing to check: " + e);
        }
    }

    @Test
    void spi2RegistersThatALeafDoesNotWriteKeepTheirValues() {
        bringUp();
        SeamcallRegisters given = marked();
        given.rcx = PageLevel.SIZE_2M.encode(region(1));
        given.rdx = page(50, 0);
        given.r8 = page(50, 1);
        regs.set(given);
        expect(0, machine.processor(0).seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs));
        assertEquals(given, regs, "PAMT.ADD writes no register, not even RAX's value into one");
        expect(
                TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX),
                machine.processor(0).seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs));
        assertEquals(given, regs, "nor if it fails");
    }

    @Test
    void spi2ARemoveThatFailsWritesNoRegister() {
        bringUp();
        SeamcallRegisters given = marked();
        given.rcx = PageLevel.SIZE_2M.encode(region(1));
        regs.set(given);
        expect(
                TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX),
                machine.processor(0).seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs));
        assertEquals(given, regs, "SPI-2: a PAMT.REMOVE that fails has no pair to name");
    }

    @Test
    void spi3AFailedCallHasChangedNothing() {
        bringUp();
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), add(region(2), page(51, 0), page(51, 1) + MISALIGNED));
        expect(TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX), calls().pamtRemove(regs.clear(), region(2)));
        expect(0, add(region(2), page(51, 0), page(51, 1)));
    }

    @Test
    void spi4WhatTheHostHasWrittenIsVisibleToTheModule() {
        need(Capability.DYNAMIC_PAMT);
        initialise();
        describeTdmr(TDMR_BYTES + PAGE);
        assertTrue(TdxStatus.isError(configure()), "a TDMR consists of whole GiB");
        machine.memory().write64(INFO + Long.BYTES, TDMR_BYTES);
        expect(0, configure());
    }

    @Test
    void spi5RegistersAreTheCallersAgainAfterTheCall() {
        bringUp();
        SeamcallRegisters before = new SeamcallRegisters();
        calls().pageRdmd(before, region(3));
        SeamcallRegisters copy = new SeamcallRegisters().set(before);
        calls().pageRdmd(marked(), region(4));
        assertEquals(copy, before);
    }

    @Test
    void spi6ALockThatIsHeldIsTriedOnceAndAnsweredBusy() throws Exception {
        need(Capability.INSPECTION);
        bringUp();
        ModuleInspection inspection = machine.extension(ModuleInspection.class).orElseThrow();
        inspection.setLockWord(PageLevel.SIZE_2M, region(5), EXCLUSIVE);
        try {
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), addInTime(region(5), page(52, 0), page(52, 1)));
        } finally {
            inspection.setLockWord(PageLevel.SIZE_2M, region(5), 0);
        }
        expect(0, add(region(5), page(52, 0), page(52, 1)));
    }

    /** A shared lock counts the calls that want it, those too that it turns away, until its exclusive holder leaves. */
    @Test
    void spi6ALockThatIsHeldIsNotTriedAgain() throws Exception {
        need(Capability.INSPECTION);
        bringUp();
        ModuleInspection inspection = machine.extension(ModuleInspection.class).orElseThrow();
        inspection.setLockWord(PageLevel.SIZE_2M, region(52), EXCLUSIVE);
        try {
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), addInTime(region(5), page(52, 0), page(53, 1)));
            int tries = inspection.lockWord(PageLevel.SIZE_2M, region(52)) >> SHARERS_SHIFT;
            assertTrue(tries <= 1, () -> "SPI-6: a call that is answered BUSY has tried the lock " + tries + " times");
        } finally {
            inspection.setLockWord(PageLevel.SIZE_2M, region(52), 0);
        }
    }

    private long addInTime(long regionHpa, long page0Hpa, long page1Hpa) throws Exception {
        ExecutorService caller = Executors.newSingleThreadExecutor();
        try {
            return caller.submit(() -> add(regionHpa, page0Hpa, page1Hpa))
                    .get(callTimeout().toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new AssertionError("SPI-6: no answer within " + callTimeout() + " while a lock is held", e);
        } finally {
            caller.shutdownNow();
        }
    }

    @Test
    void spi7ARegionGivesBackThePairThatItWasGiven() {
        bringUp();
        for (int i = 0; i < 2; i++) {
            expect(0, add(region(6), page(53, 9), page(54, 3)));
            expect(0, calls().pamtRemove(regs.clear(), region(6)));
            assertEquals(page(53, 9), regs.rdx);
            assertEquals(page(54, 3), regs.r8);
        }
    }

    @Test
    void spi8WhatTheModuleChecksFirstIsReported() {
        bringUp();
        long bad = MISALIGNED;
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX),
                add(region(7) + PAGE, page(55, 0) + bad, page(55, 1) + bad));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), add(region(7), page(55, 0) + bad, page(55, 1) + bad));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RDX), add(region(7), OUTSIDE, page(55, 1) + bad));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), add(OUTSIDE, page(55, 0), page(55, 1) + bad));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), add(OUTSIDE, page(55, 0), page(55, 1)));
    }

    @Test
    void spi9ALeafWordThatTheModuleDoesNotKnowIsRefused() {
        bringUp();
        long unknownLeaf = 0xFFFF;
        long version = SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax() | 1L << 16;
        long reserved = SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax() | 1L << 40;
        for (long rax : new long[] {unknownLeaf, version, reserved}) {
            regs.clear().rcx = PageLevel.SIZE_2M.encode(region(8));
            expect(
                    TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                    machine.processor(0).seamcall(rax, regs));
        }
    }

    @Test
    void spi10CallsThatNeedNothingInCommonDoNotDisturbEachOther() throws Exception {
        bringUp();
        ExecutorService callers = Executors.newFixedThreadPool(THREADS);
        try {
            CyclicBarrier together = new CyclicBarrier(THREADS);
            List<Future<?>> done = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                int index = thread;
                done.add(callers.submit(() -> {
                    together.await();
                    addAndRemove(index);
                    return null;
                }));
            }
            for (Future<?> one : done) {
                one.get();
            }
        } finally {
            callers.shutdownNow();
        }
    }

    private void addAndRemove(int thread) {
        Seamcalls own = new Seamcalls(machine.processor(thread % machine.processors()));
        SeamcallRegisters ownRegs = new SeamcallRegisters();
        int donor = 60 + thread;
        for (int i = 0; i < ROUNDS; i++) {
            expect(0, own.pamtAdd(ownRegs.clear(), region(10 + thread), page(donor, 0), page(donor, 1)));
            expect(0, own.pamtRemove(ownRegs.clear(), region(10 + thread)));
            assertEquals(Set.of(page(donor, 0), page(donor, 1)), Set.of(ownRegs.rdx, ownRegs.r8));
        }
    }

    @Test
    void spi11AClosedMachineAnswersNoCall() {
        initialise();
        SeamcallProvider processor = machine.processor(0);
        machine.close();
        machine.close();
        assertThrows(
                SeamcallUnavailableException.class,
                () -> processor.seamcall(SeamcallLeaf.SYS_RD.rax(), new SeamcallRegisters()));
    }

    @Test
    void spi12AMachineHasOneProviderForEachProcessor() {
        openMachine();
        assertTrue(machine.processors() >= 1);
        for (int i = 0; i < machine.processors(); i++) {
            assertSame(machine.processor(i), machine.processor(i));
            int packageOfIt = machine.packageOf(i);
            assertTrue(packageOfIt >= 0 && packageOfIt < machine.packages(), () -> "package " + packageOfIt);
        }
        assertThrows(IndexOutOfBoundsException.class, () -> machine.processor(machine.processors()));
        assertThrows(IndexOutOfBoundsException.class, () -> machine.processor(-1));
    }

    @Test
    void spi13RdmdReportsThePairOfARegion() {
        bringUp();
        expect(0, add(region(30), page(57, 4), page(58, 2)));
        readMetadata(PageLevel.SIZE_2M.encode(region(30)));
        assertEquals(
                pairOf(NON_LEAF_PAMT, PageLevel.SIZE_2M, page(57, 4), page(58, 2)),
                regs,
                "SPI-13: a region with a pair");
        expect(0, calls().pamtRemove(regs.clear(), region(30)));
        readMetadata(PageLevel.SIZE_2M.encode(region(30)));
        regs.rdx = 0;
        assertEquals(pairOf(0, PageLevel.SIZE_2M, 0, 0), regs, "SPI-13: a region without a pair");
    }

    @Test
    void spi13RdmdReportsTheLevelAtWhichTheWalkEnds() {
        bringUp();
        readMetadata(page(31, 7));
        assertEquals(PageLevel.SIZE_2M.code(), regs.r8, "SPI-13: level of a 4K page in a region without a pair");
        expect(0, add(region(31), page(57, 0), page(57, 1)));
        readMetadata(page(31, 7));
        assertEquals(PageLevel.SIZE_4K.code(), regs.r8, "SPI-13: level of a 4K page in a region with a pair");
        readMetadata(PageLevel.SIZE_1G.encode(TDMR));
        assertEquals(PageLevel.SIZE_1G.code(), regs.r8, "SPI-13: level of the 1G page that has been asked for");
    }

    private void readMetadata(long hpaAndLevel) {
        expect(0, calls().pageRdmd(regs.clear(), hpaAndLevel));
    }

    private static SeamcallRegisters pairOf(long type, PageLevel level, long page0Hpa, long page1Hpa) {
        SeamcallRegisters pair = new SeamcallRegisters();
        pair.rcx = type;
        pair.r8 = level.code();
        pair.r10 = page0Hpa;
        pair.r11 = page1Hpa;
        return pair;
    }

    @Test
    void spi14APageOfAPairIsNotTakenForAnother() {
        bringUp();
        expect(0, add(region(32), page(59, 0), page(59, 1)));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX), add(region(33), page(59, 1), page(59, 2)));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8), add(region(33), page(59, 2), page(59, 0)));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8), add(region(33), page(59, 2), page(59, 2)));
        expect(TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX), calls().pamtRemove(regs.clear(), region(33)));
        expect(0, add(region(33), page(59, 2), page(59, 3)));
    }
}
