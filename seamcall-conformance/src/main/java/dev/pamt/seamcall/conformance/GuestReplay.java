package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.conformance.GuestDeed.MemoryAccess;
import dev.pamt.seamcall.conformance.GuestDeed.Tdcall;
import dev.pamt.seamcall.conformance.Line.Call;
import dev.pamt.seamcall.conformance.Line.Exit;
import dev.pamt.seamcall.conformance.Line.GuestStep;
import dev.pamt.seamcall.conformance.Line.SeptEntries;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import dev.pamt.seamcall.harness.GuestDriver.StepResult;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.HashMap;
import java.util.Map;

/** The guest's side of a recording: what vCPUs do while they are inside, and how they come out. */
final class GuestReplay {
    /** Longer than the module waits for a guest that host priority turns away. */
    private static final long PAST_HOST_PRIORITY_TIMEOUT_NANOS = 2_000_000_000;

    private static final int NO_INTERRUPT = -1;
    private static final long LEVEL = 7;

    private final ModuleInspection inspection;
    private final GuestDriver driver;
    private final ResultBuilder result;
    private final Map<Integer, SeamcallRegisters> inside = new HashMap<>();

    GuestReplay(ModuleInspection inspection, GuestDriver driver, ResultBuilder result) {
        this.inspection = inspection;
        this.driver = driver;
        this.result = result;
    }

    /** VP.ENTER up to the guest's first instruction. */
    long enter(Call call, SeamcallRegisters regs) {
        int processor = call.processor();
        long status = driver.enter(processor, regs);
        if (status == GuestDriver.ENTERED) {
            inside.put(processor, regs);
            if (call.guestRax() != null) {
                result.compare("guest rax", call.guestRax(), driver.rax(processor));
            }
            // The harness of the recordings switched guests to 64-bit mode by hand after their first entry.
            if (!call.staysIn32Bit()) {
                driver.enterLongMode(processor);
            }
        }
        return status;
    }

    /** What a guest does. */
    void step(GuestStep line) {
        int processor = line.processor();
        if (!inside.containsKey(processor)) {
            result.differ("guest", "a vCPU inside on processor " + processor, "none");
            return;
        }
        if (!line.sameInstruction()) {
            driver.advance(processor);
        }
        if (!(line.deed() instanceof Tdcall)) {
            // The harness of the recordings wrote the guest's registers before each event.
            driver.setRax(processor, 0);
        }
        if (line.hostPriorityExpired()) {
            inspection.advanceClock(PAST_HOST_PRIORITY_TIMEOUT_NANOS);
        }
        inspection.interruptAfterPolls(line.interruptAfterPolls());
        result.call(line.status());
        StepResult step;
        if (line.deed() instanceof Tdcall tdcall) {
            step = tdcall(tdcall, line, inspection.tdOf(line.tdvprHpa()));
        } else if (line.deed() instanceof MemoryAccess access) {
            long tdrHpa = inspection.tdOf(line.tdvprHpa());
            if (line.sept() != null) {
                compareEntry("sept before", line.sept().before(), line.sept().level(), tdrHpa, access.gpa());
            }
            step = driver.access(processor, access.gpa(), access.kind());
        } else {
            step = driver.interrupt(processor);
        }
        inspection.interruptAfterPolls(NO_INTERRUPT);
        compareStep(line, step);
        if (step.outcome() == StepOutcome.EXIT) {
            SeamcallRegisters regs = inside.remove(processor);
            if (line.exit() != null) {
                compareExit(line.exit(), step.value(), regs);
            }
        }
    }

    private StepResult tdcall(Tdcall tdcall, GuestStep line, long tdrHpa) {
        SeamcallRegisters before = tdcall.in();
        SeamcallRegisters regs = new SeamcallRegisters().set(before);
        long gpa = before.rcx & ~LEVEL;
        SeptEntries sept = line.sept();
        int level = sept == null ? 0 : Math.max((int) (before.rcx & LEVEL), sept.level());
        if (sept != null) {
            compareEntry("sept before", sept.before(), level, tdrHpa, gpa);
        }
        StepResult step = driver.tdcall(line.processor(), tdcall.rax(), regs);
        if (sept != null) {
            compareEntry("sept after", sept.after(), level, tdrHpa, gpa);
        }
        if (tdcall.out() != null && step.outcome() == StepOutcome.DONE) {
            long expected = tdcall.out().rax();
            if (expected != step.value()) {
                result.differ("guest rax", TdxStatus.toString(expected), TdxStatus.toString(step.value()));
            }
            Replay.compareRegisters(result, "guest ", tdcall.out().listed(), before, regs);
        }
        return step;
    }

    private void compareStep(GuestStep line, StepResult step) {
        if (line.outcome() != step.outcome()) {
            result.differ("guest", line.outcome().toString(), step.outcome() + " " + Registers.hex(step.value()));
        } else if (line.outcome() == StepOutcome.EXCEPTION) {
            result.compare("vector", line.vector(), step.value());
        }
    }

    /** Compares all registers of an exit: those that are not listed are 0. */
    private void compareExit(Exit exit, long rax, SeamcallRegisters regs) {
        result.compare("exit rax", exit.rax(), rax);
        Replay.compareRegisters(result, "exit ", exit.listed(), new SeamcallRegisters(), regs);
    }

    private void compareEntry(String what, Long recorded, int level, long tdrHpa, long gpa) {
        if (recorded != null) {
            result.compare(what, recorded, inspection.septEntry(tdrHpa, gpa, level));
        }
    }
}
