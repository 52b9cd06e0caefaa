package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.GuestDriver.Access;
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
    private final JsonValue unlisted;
    private final ResultBuilder result;
    private final Map<Integer, SeamcallRegisters> inside = new HashMap<>();

    GuestReplay(ModuleInspection inspection, GuestDriver driver, JsonValue header, ResultBuilder result) {
        this.inspection = inspection;
        this.driver = driver;
        this.result = result;
        unlisted = header.find("unlisted_guest_regs");
    }

    static boolean isGuestLine(JsonValue line) {
        return line.has("tdcall") || line.has("guest_access") || line.has("guest_event");
    }

    /** VP.ENTER up to the guest's first instruction. */
    long enter(JsonValue line, int processor, SeamcallRegisters regs) {
        long status = driver.enter(processor, regs);
        if (status == GuestDriver.ENTERED) {
            inside.put(processor, regs);
            if (line.has("guest_rax")) {
                result.compare("guest rax", line.get("guest_rax").number(), driver.rax(processor));
            }
            // The harness of the recordings switched guests to 64-bit mode by hand after their first entry.
            if (!line.orElse("note", JsonValue::text, "").contains("32-bit")) {
                driver.enterLongMode(processor);
            }
        }
        return status;
    }

    /** What a guest does. */
    void step(JsonValue line) {
        int processor = line.get("lp").intValue();
        if (!inside.containsKey(processor)) {
            result.differ("guest", "a vCPU inside on processor " + processor, "none");
            return;
        }
        long tdvprHpa = line.get("vp").number();
        if (!line.has("same_rip")) {
            driver.advance(processor);
        }
        if (!line.has("tdcall")) {
            // The harness of the recordings wrote the guest's registers before each event.
            driver.setRax(processor, 0);
        }
        if (line.has("hp_timeout_expired")) {
            inspection.advanceClock(PAST_HOST_PRIORITY_TIMEOUT_NANOS);
        }
        inspection.interruptAfterPolls(line.orElse("interrupt_after_polls", JsonValue::intValue, NO_INTERRUPT));
        result.call(line.get("status").text());
        StepResult step;
        if (line.has("tdcall")) {
            step = tdcall(line, processor, inspection.tdOf(tdvprHpa));
        } else if (line.has("guest_access")) {
            long gpa = line.get("gpa").number();
            compareEntry(line, inspection.tdOf(tdvprHpa), gpa, 0, 1, "sept before");
            step = driver.access(processor, gpa, accessOf(line));
        } else {
            step = driver.interrupt(processor);
        }
        inspection.interruptAfterPolls(NO_INTERRUPT);
        compareStep(line, step);
        if (step.outcome() == StepOutcome.EXIT) {
            SeamcallRegisters regs = inside.remove(processor);
            if (line.has("exit")) {
                compareExit(line.get("exit"), step.value(), regs);
            }
        }
    }

    private StepResult tdcall(JsonValue line, int processor, long tdrHpa) {
        SeamcallRegisters regs = Registers.inputs(line.get("in"), unlisted);
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        int level = (int) (before.rcx & LEVEL);
        long gpa = before.rcx & ~LEVEL;
        compareEntry(line, tdrHpa, gpa, level, 1, "sept before");
        StepResult step = driver.tdcall(processor, Registers.rax(line), regs);
        compareEntry(line, tdrHpa, gpa, level, 2, "sept after");
        if (line.has("out") && step.outcome() == StepOutcome.DONE) {
            long expected = line.get("out").get("rax").number();
            if (expected != step.value()) {
                result.differ("guest rax", TdxStatus.toString(expected), TdxStatus.toString(step.value()));
            }
            Replay.compareRegisters(result, "guest ", line.get("out"), before, regs);
        }
        return step;
    }

    private void compareStep(JsonValue line, StepResult step) {
        StepOutcome recorded = StepOutcome.DONE;
        if (line.has("exit")) {
            recorded = StepOutcome.EXIT;
        } else if (line.has("inject")) {
            recorded = StepOutcome.EXCEPTION;
        } else if (line.has("interrupted")) {
            recorded = StepOutcome.INTERRUPTED;
        }
        if (recorded != step.outcome()) {
            result.differ("guest", recorded.toString(), step.outcome() + " " + Registers.hex(step.value()));
        } else if (recorded == StepOutcome.EXCEPTION) {
            result.compare("vector", line.get("inject").get("vector").number(), step.value());
        }
    }

    private void compareExit(JsonValue exit, long rax, SeamcallRegisters regs) {
        result.compare("exit rax", exit.get("rax").number(), rax);
        SeamcallRegisters expected = new SeamcallRegisters();
        expected.rcx = exit.get("qualification").number();
        expected.rdx = exit.get("ext_qualification").number();
        expected.r8 = exit.get("gpa").number();
        expected.r9 = exit.get("intr_info").number();
        JsonValue others = exit.find("regs");
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            String name = Registers.name(register);
            JsonValue listed = others == null ? null : others.find(name);
            result.compare(
                    "exit " + name, listed == null ? expected.get(register) : listed.number(), regs.get(register));
        }
    }

    private void compareEntry(JsonValue line, long tdrHpa, long gpa, int level, int at, String what) {
        JsonValue sept = line.find("sept");
        if (sept != null && sept.items().size() > at) {
            int walked = Math.max(level, sept.item(0).intValue());
            result.compare(what, sept.item(at).number(), inspection.septEntry(tdrHpa, gpa, walked));
        }
    }

    private static Access accessOf(JsonValue line) {
        return switch (line.get("guest_access").text()) {
            case "read" -> Access.READ;
            case "write" -> Access.WRITE;
            case "exec" -> Access.EXECUTE;
            default -> throw new MalformedLineException("no access is named " + line.get("guest_access"));
        };
    }
}
