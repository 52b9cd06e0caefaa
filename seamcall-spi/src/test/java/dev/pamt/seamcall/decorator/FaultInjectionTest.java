package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class FaultInjectionTest {
    private static final SeamcallLeaf ADD = SeamcallLeaf.PHYMEM_PAMT_ADD;
    private static final long BUSY = TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);

    private final AtomicInteger reached = new AtomicInteger();
    private final SeamcallProvider backend = (rax, regs) -> {
        regs.r8 = reached.incrementAndGet();
        return 0;
    };

    private static long add(SeamcallProvider provider) {
        return provider.seamcall(ADD.rax(), new SeamcallRegisters());
    }

    @Test
    void theKthCallOfALeafIsAnsweredAndDoesNotReachTheModule() {
        FaultInjection faults = new FaultInjection(FaultPlan.builder()
                .answer(ADD, 2, TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX))
                .build());
        SeamcallProvider faulty = faults.decorate(backend, 0);
        assertEquals(0, add(faulty));
        assertEquals(0, faulty.seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), new SeamcallRegisters()));
        assertEquals(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX), add(faulty));
        assertEquals(0, add(faulty));
        assertEquals(3, reached.get());
        assertEquals(3, faults.calls(ADD));
        assertEquals(1, faults.injected());
    }

    @Test
    void aBurstIsBusyAndThenOver() {
        SeamcallProvider faulty = new FaultInjection(
                        FaultPlan.builder().busy(ADD, 1, 3, TdxOperand.RCX).build())
                .decorate(backend, 0);
        assertEquals(BUSY, add(faulty));
        assertEquals(BUSY, add(faulty));
        assertEquals(BUSY, add(faulty));
        assertEquals(0, add(faulty));
    }

    @Test
    void callsOfAllProcessorsAreCountedTogether() {
        SeamcallPlatform faulty = new FaultInjection(
                        FaultPlan.builder().answer(ADD, 2, BUSY).build())
                .decorate(new StubPlatform(backend));
        assertEquals(0, add(faulty.processor(0)));
        assertEquals(BUSY, add(faulty.processor(1)));
    }

    @Test
    void aLeafThatIsUnknownHasNoFaultAndNoCount() {
        FaultInjection faults =
                new FaultInjection(FaultPlan.builder().answer(ADD, 1, BUSY).build());
        assertEquals(9, faults.decorate((rax, regs) -> 9, 0).seamcall(4000, new SeamcallRegisters()));
        assertEquals(0, faults.injected());
    }

    @Test
    void everyVersionOfALeafIsThatLeaf() {
        FaultInjection faults = new FaultInjection(
                FaultPlan.builder().answer(SeamcallLeaf.MEM_SEPT_ADD, 1, BUSY).build());
        assertEquals(
                BUSY, faults.decorate(backend, 0).seamcall(SeamcallLeaf.MEM_SEPT_ADD.rax(1), new SeamcallRegisters()));
        assertEquals(1, faults.calls(SeamcallLeaf.MEM_SEPT_ADD));
    }

    @Test
    void garbageIsInEveryRegisterAfterACallThatWasCarriedOut() {
        SeamcallProvider faulty =
                new FaultInjection(FaultPlan.builder().garbage(ADD, 1, 42).build()).decorate(backend, 0);
        SeamcallRegisters regs = new SeamcallRegisters();
        assertEquals(0, faulty.seamcall(ADD.rax(), regs));
        assertEquals(1, reached.get());
        SeamcallRegisters garbage = new SeamcallRegisters();
        SplittableRandom random = new SplittableRandom(42);
        for (String register : "RCX RDX RBX RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split(" ", -1)) {
            garbage.set(TdxOperand.valueOf(register), random.nextLong());
        }
        assertEquals(garbage, regs, "all of it decided by the seed");
    }

    @Test
    void theModuleCanBeLostBeforeAndAfterACall() {
        SeamcallProvider faulty = new FaultInjection(
                        FaultPlan.builder().loseBefore(ADD, 1).loseAfter(ADD, 2).build())
                .decorate(backend, 0);
        SeamcallUnavailableException before = assertThrows(SeamcallUnavailableException.class, () -> add(faulty));
        assertTrue(before.mayHaveBeenMade(), "the caller cannot know");
        assertEquals("injected: the module was lost before call 1 of TDH.PHYMEM.PAMT.ADD", before.getMessage());
        assertEquals(0, reached.get());
        SeamcallRegisters regs = new SeamcallRegisters();
        SeamcallUnavailableException after =
                assertThrows(SeamcallUnavailableException.class, () -> faulty.seamcall(ADD.rax(), regs));
        assertTrue(after.mayHaveBeenMade());
        assertEquals("injected: the module was lost after call 2 of TDH.PHYMEM.PAMT.ADD", after.getMessage());
        assertEquals(1, reached.get());
        assertEquals(new SeamcallRegisters(), regs, "the answer is lost as a whole");
    }

    @Test
    void aCallCanBeOneThatWasNotSent() {
        FaultInjection faults =
                new FaultInjection(FaultPlan.builder().notSent(ADD, 2).build());
        SeamcallProvider faulty = faults.decorate(backend, 0);
        assertEquals(0, add(faulty));
        SeamcallUnavailableException notSent = assertThrows(SeamcallUnavailableException.class, () -> add(faulty));
        assertFalse(notSent.mayHaveBeenMade());
        assertEquals("injected: call 2 of TDH.PHYMEM.PAMT.ADD was not sent", notSent.getMessage());
        assertEquals(1, reached.get());
        assertEquals(0, add(faulty));
        assertEquals(1, faults.injected());
    }

    @Test
    void aPlanRefusesWhatMakesNoSense() {
        FaultPlan.Builder plan = FaultPlan.builder().answer(ADD, 5, BUSY);
        assertThrows(IllegalArgumentException.class, () -> plan.garbage(ADD, 5, 1));
        assertThrows(IllegalArgumentException.class, () -> plan.busy(ADD, 3, 3, TdxOperand.RCX));
        assertThrows(IllegalArgumentException.class, () -> plan.loseAfter(ADD, 0));
        assertThrows(IllegalArgumentException.class, () -> plan.busy(ADD, 1, 0, TdxOperand.RCX));
        IllegalArgumentException tooLong =
                assertThrows(IllegalArgumentException.class, () -> plan.busy(ADD, 6, 1_000_001, TdxOperand.RCX));
        assertEquals("a burst has 1 to 1000000 calls, not 1000001", tooLong.getMessage());
    }

    @Test
    void aBurstHasOneCallAtLeastAndAMillionAtMost() {
        FaultPlan plan = FaultPlan.builder()
                .busy(ADD, 1, 1, TdxOperand.RCX)
                .busy(SeamcallLeaf.SYS_RD, 1, 1_000_000, TdxOperand.RCX)
                .build();
        assertEquals(BUSY, plan.of(ADD, 1).value());
        assertNull(plan.of(ADD, 2));
        assertEquals(BUSY, plan.of(SeamcallLeaf.SYS_RD, 1_000_000).value());
        assertNull(plan.of(SeamcallLeaf.SYS_RD, 1_000_001));
    }

    @Test
    void aPlanStaysAsItWasBuilt() {
        FaultPlan.Builder builder = FaultPlan.builder().answer(ADD, 1, BUSY);
        FaultPlan plan = builder.build();
        builder.answer(ADD, 2, BUSY);
        assertNull(plan.of(ADD, 2));
    }

    @Test
    void theLostCallReachesTheModuleWithItsInputs() {
        SeamcallRegisters seen = new SeamcallRegisters();
        SeamcallProvider faulty = new FaultInjection(
                        FaultPlan.builder().loseAfter(ADD, 1).build())
                .decorate(
                        (rax, regs) -> {
                            seen.set(regs).rdx = rax;
                            return 0;
                        },
                        0);
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 0x102000001L;
        assertThrows(SeamcallUnavailableException.class, () -> faulty.seamcall(ADD.rax(), regs));
        assertEquals("rcx=0x102000001 rdx=0x3a", seen.toString());
    }

    @Test
    void decoratorsGoIntoEachOther() {
        FaultInjection inner =
                new FaultInjection(FaultPlan.builder().answer(ADD, 1, 1).build());
        FaultInjection outer =
                new FaultInjection(FaultPlan.builder().answer(ADD, 1, 2).build());
        SeamcallProvider both = inner.inside(outer).decorate(backend, 0);
        assertEquals(2, add(both));
        assertEquals(1, add(both));
        assertEquals(
                0,
                inner.inside(outer)
                        .decorate(new StubPlatform(backend))
                        .processor(1)
                        .seamcall(ADD.rax(), new SeamcallRegisters()));
    }

    @Test
    void aPartOfAllCallsGoesWrongTheSameOnesForTheSameSeed() {
        FaultPlan plan = FaultPlan.builder().rate(0.01, 7).build();
        SeamcallProvider one = new FaultInjection(plan).decorate((rax, regs) -> 0, 0);
        SeamcallProvider other = new FaultInjection(plan).decorate((rax, regs) -> 0, 0);
        int wrong = 0;
        for (int call = 0; call < 100_000; call++) {
            long status = add(one);
            assertEquals(status, add(other), "call " + call);
            assertTrue(status == 0 || TdxStatus.isError(status), () -> TdxStatus.toString(status));
            wrong += status == 0 ? 0 : 1;
        }
        assertEquals(1000, wrong, 150);
        SeamcallProvider seeded =
                new FaultInjection(FaultPlan.builder().rate(0.01, 8).build()).decorate((rax, regs) -> 0, 0);
        SeamcallProvider again = new FaultInjection(plan).decorate((rax, regs) -> 0, 0);
        boolean differs = false;
        for (int call = 0; call < 10_000; call++) {
            differs |= add(seeded) != add(again);
        }
        assertTrue(differs, "another seed");
    }

    @Test
    void everyErrorOfALeafComesInTime() {
        for (SeamcallLeaf leaf : SeamcallLeaf.values()) {
            SeamcallProvider faulty =
                    new FaultInjection(FaultPlan.builder().rate(1, 3).build()).decorate((rax, regs) -> 0, 0);
            Set<Long> seen = new HashSet<>();
            for (int call = 0; call < 1000; call++) {
                seen.add(faulty.seamcall(leaf.rax(), new SeamcallRegisters()));
            }
            Set<Long> errors = new HashSet<>();
            for (long error : LeafErrors.of(leaf)) {
                assertTrue(TdxStatus.isError(error) && TdxStatus.of(error) != null, leaf + " " + error);
                errors.add(error);
            }
            assertEquals(errors.isEmpty() ? Set.of(0L) : errors, seen, leaf::toString);
        }
    }

    @Test
    void whatIsPlannedComesBeforeWhatIsRandomAndNothingComesAfterTheStop() {
        FaultInjection faults = new FaultInjection(
                FaultPlan.builder().rate(1, 1).answer(ADD, 2, BUSY).build());
        SeamcallProvider faulty = faults.decorate((rax, regs) -> 0, 0);
        assertTrue(TdxStatus.isError(add(faulty)));
        assertEquals(BUSY, add(faulty));
        faults.stop();
        assertEquals(0, add(faulty));
        assertEquals(2, faults.injected());
        assertThrows(IllegalArgumentException.class, () -> FaultPlan.builder().rate(1.01, 1));
        assertThrows(IllegalArgumentException.class, () -> FaultPlan.builder().rate(Double.NaN, 1));
    }
}
