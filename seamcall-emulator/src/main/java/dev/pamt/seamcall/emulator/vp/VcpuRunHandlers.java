package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdcallLeaf;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.guest.GuestProgram;
import dev.pamt.seamcall.emulator.guest.GuestVcpu;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import java.util.Map;
import java.util.Objects;

/**
 * TDH.VP.ENTER as a whole (TDX module 1.5.25, tdh_vp_enter.c): enters a vCPU and carries out what its program does until it
 * comes out.
 */
public final class VcpuRunHandlers implements HandlerFamily {
    private final VcpuEntry entry;
    private final VcpuTable vcpus;
    private final GuestSide side;
    private final GuestProgram program;

    /** Makes the leaf. */
    public VcpuRunHandlers(VcpuEntry entry, VcpuTable vcpus, GuestSide side, GuestProgram program) {
        this.entry = entry;
        this.vcpus = vcpus;
        this.side = side;
        this.program = program;
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.VP_ENTER, this::enter);
    }

    /** VP.ENTER. */
    long enter(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        Vcpu vcpu = vcpus.at(VcpuEntry.rootOf(regs.rcx));
        long status = entry.enter(lp, regs);
        if (status != VcpuEntry.ENTERED) {
            return status;
        }
        vcpu.guest().enterLongMode();
        GuestSide.Exit exit = new GuestSide.Exit(regs);
        GuestAction action = vcpu.guest().takeUnfinished();
        int exception = -1;
        while (true) {
            if (lp.interruptPending()) {
                vcpu.guest().setUnfinished(action);
                side.interrupt(vcpu, exit);
                return exit.rax();
            }
            if (action == null) {
                action = next(lp, vcpu, exception, exit);
            }
            vcpu.guest().setUnfinished(action);
            switch (carryOut(lp, vcpu, action, exit)) {
                case EXIT -> {
                    return exit.rax();
                }
                case INTERRUPTED -> exception = -1;
                case EXCEPTION -> {
                    exception = exit.exception();
                    action = null;
                }
                case DONE -> {
                    exception = -1;
                    action = null;
                }
            }
        }
    }

    /** Asks the program; one that throws must not leave its vCPU inside for ever. */
    private GuestAction next(LogicalProcessor lp, Vcpu vcpu, int exception, GuestSide.Exit exit) {
        boolean answered = false;
        try {
            GuestAction action = Objects.requireNonNull(
                    program.next(new GuestVcpu(
                            vcpu.td().tdrHpa(),
                            vcpu.tdvprHpa(),
                            lp.index(),
                            vcpu.guest().rax(),
                            exception)),
                    "a guest program answers with an action");
            answered = true;
            return action;
        } finally {
            if (!answered) {
                side.interrupt(vcpu, exit);
            }
        }
    }

    private ActionOutcome carryOut(LogicalProcessor lp, Vcpu vcpu, GuestAction action, GuestSide.Exit exit) {
        SeamcallRegisters guestRegs = new SeamcallRegisters();
        if (action instanceof GuestAction.Accept accept) {
            guestRegs.rcx = accept.level().encode(accept.gpa());
            return side.tdcall(lp, vcpu, TdcallLeaf.MEM_PAGE_ACCEPT.rax(), guestRegs, exit);
        }
        if (action instanceof GuestAction.WriteAttributes write) {
            guestRegs.rcx = write.level().encode(write.gpa());
            guestRegs.rdx = write.attributes();
            guestRegs.r8 = write.mask();
            return side.tdcall(lp, vcpu, TdcallLeaf.MEM_PAGE_ATTR_WR.rax(), guestRegs, exit);
        }
        if (action instanceof GuestAction.Access access) {
            return side.access(vcpu, access.gpa(), access.kind(), exit);
        }
        TdcallLeaf leaf = action instanceof GuestAction.GetVeInfo ? TdcallLeaf.VP_VEINFO_GET : TdcallLeaf.VP_VMCALL;
        return side.tdcall(lp, vcpu, leaf.rax(), guestRegs, exit);
    }
}
