package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.vp.ActionOutcome;
import dev.pamt.seamcall.emulator.vp.GuestSide;
import dev.pamt.seamcall.emulator.vp.Vcpu;
import dev.pamt.seamcall.emulator.vp.VcpuEntry;
import dev.pamt.seamcall.harness.GuestDriver;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;

/** Takes the steps of guests that a test harness decides, past the program that VP.ENTER would ask. */
final class EmulatorGuests implements GuestDriver {
    private final TdxModule module;
    private final LogicalProcessor[] processors;
    private final AtomicReferenceArray<Inside> inside;

    /** A vCPU on a processor, and the registers with which it will come out. */
    private record Inside(Vcpu vcpu, GuestSide.Exit exit) {}

    EmulatorGuests(TdxModule module, LogicalProcessor[] processors) {
        this.module = module;
        this.processors = processors;
        inside = new AtomicReferenceArray<>(processors.length);
    }

    @Override
    public long enter(int processor, SeamcallRegisters regs) {
        long status = module.dispatcher()
                .call(processors[processor], SeamcallLeaf.VP_ENTER, regs, (lp, version, registers) -> module.vcpuEntry()
                        .enter(lp, registers));
        if (status != VcpuEntry.ENTERED) {
            return status;
        }
        Vcpu vcpu = module.vcpus().at(VcpuEntry.rootOf(regs.rcx));
        inside.set(processor, new Inside(vcpu, new GuestSide.Exit(regs)));
        return ENTERED;
    }

    @Override
    public long rax(int processor) {
        return at(processor).vcpu.guest().rax();
    }

    @Override
    public void setRax(int processor, long value) {
        at(processor).vcpu.guest().setRax(value);
    }

    @Override
    public void enterLongMode(int processor) {
        at(processor).vcpu.guest().enterLongMode();
    }

    @Override
    public void advance(int processor) {
        at(processor).vcpu.guest().advance();
    }

    @Override
    public StepResult tdcall(int processor, long rax, SeamcallRegisters guestRegs) {
        Inside here = at(processor);
        return step(processor, here, () -> module.guestSide()
                .tdcall(processors[processor], here.vcpu, rax, guestRegs, here.exit));
    }

    @Override
    public StepResult access(int processor, long gpa, AccessKind kind) {
        Inside here = at(processor);
        return step(processor, here, () -> module.guestSide().access(here.vcpu, gpa, kind, here.exit));
    }

    @Override
    public StepResult interrupt(int processor) {
        Inside here = at(processor);
        return step(processor, here, () -> module.guestSide().interrupt(here.vcpu, here.exit));
    }

    private StepResult step(int processor, Inside here, Supplier<ActionOutcome> action) {
        return switch (module.dispatcher().inside(processors[processor], SeamcallLeaf.VP_ENTER, action)) {
            case DONE -> new StepResult(StepOutcome.DONE, here.vcpu.guest().rax());
            case EXCEPTION -> new StepResult(StepOutcome.EXCEPTION, here.exit.exception());
            case INTERRUPTED -> new StepResult(StepOutcome.INTERRUPTED, 0);
            case EXIT -> {
                inside.set(processor, null);
                yield new StepResult(StepOutcome.EXIT, here.exit.rax());
            }
        };
    }

    private Inside at(int processor) {
        Inside here = inside.get(processor);
        if (here == null) {
            throw new IllegalStateException("no vCPU is inside on processor " + processor);
        }
        return here;
    }
}
