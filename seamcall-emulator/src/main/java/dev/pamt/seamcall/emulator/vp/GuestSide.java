package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.sept.GuestPages;
import dev.pamt.seamcall.emulator.vp.GuestState.LastExit;
import java.util.function.LongSupplier;

/**
 * What a vCPU that is inside can do: TDCALLs, accesses, being interrupted (TDX module 1.5.25, tdx_td_dispatcher.c,
 * tdg_vp_vmcall.c, tdg_vp_veinfo_get.c, td_ept_violation.c).
 *
 * <p>An action either stays inside, and its effect is in the {@link GuestState}; or it leaves the TD, and the registers are
 * those with which VP.ENTER returns.
 */
public final class GuestSide {
    private static final int GENERAL_PROTECTION = 13;
    private static final int PAGE_FAULT = 14;
    private static final int VIRTUALISATION = 20;
    private static final int DOUBLE_FAULT = 8;

    private static final long EXTERNAL_INTERRUPT = 1;
    private static final long TDCALL_EXIT = 77;
    private static final long INTERRUPT_INFO = 0x8000_00ECL;
    private static final long ADDRESS_VALID = 0x180;
    private static final long PENDING_VIOLATION = 6;
    private static final long TDCALL_LENGTH = 4;
    private static final long PAGE_OFFSET = 0xFFF;
    private static final long HOST_PRIORITY_TIMEOUT_NANOS = 1_000_000_000;

    private final VcpuEntry entry;
    private final GuestPages pages;
    private final LongSupplier nanoClock;

    /** Makes the guest side of a module. */
    public GuestSide(Machine machine, VcpuEntry entry, GuestPages pages) {
        this.entry = entry;
        this.pages = pages;
        nanoClock = machine.nanoClock();
    }

    /** The registers with which a vCPU comes out, and RAX beside them. */
    public static final class Exit {
        private final SeamcallRegisters regs;
        private long rax;
        private int exception = -1;

        /** Uses the registers of a VP.ENTER. */
        public Exit(SeamcallRegisters regs) {
            this.regs = regs;
        }

        /** RAX of VP.ENTER. */
        public long rax() {
            return rax;
        }

        /** The exception that an action raised, or -1. */
        public int exception() {
            return exception;
        }
    }

    /** Carries out TDCALL with the leaf word of the guest in {@code rax} and its registers in {@code regs}. */
    public ActionOutcome tdcall(LogicalProcessor lp, Vcpu vcpu, long rax, SeamcallRegisters regs, Exit exit) {
        GuestState guest = vcpu.guest();
        if (!guest.longMode()) {
            return raise(exit, GENERAL_PROTECTION);
        }
        guest.setRax(rax);
        TdcallLeaf leaf = TdcallLeaf.of(rax);
        if (leaf == null || leaf.rax() != rax) {
            return done(guest, TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX));
        }
        return switch (leaf) {
            case VP_VMCALL -> vmcall(vcpu, regs, exit);
            case VP_VEINFO_GET -> getVeInfo(guest, regs);
            case MEM_PAGE_ACCEPT -> outcome(vcpu, regs.rcx, pages.accept(lp, vcpu.td(), regs.rcx), exit);
            case MEM_PAGE_ATTR_WR -> outcome(vcpu, regs.rcx, pages.writeAttributes(vcpu.td(), regs), exit);
        };
    }

    private static ActionOutcome done(GuestState guest, long status) {
        guest.notBusy();
        guest.setRax(status);
        guest.advance();
        return ActionOutcome.DONE;
    }

    private static ActionOutcome raise(Exit exit, int vector) {
        exit.exception = vector;
        return ActionOutcome.EXCEPTION;
    }

    /** VMCALL that passes no registers: RCX, which says which ones, must be 0. */
    private ActionOutcome vmcall(Vcpu vcpu, SeamcallRegisters regs, Exit exit) {
        if (regs.rcx != 0) {
            return done(vcpu.guest(), TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX));
        }
        vcpu.guest().advance();
        vcpu.guest().setRax(0);
        return leave(vcpu, LastExit.VMCALL, exit, TDCALL_EXIT, 0, 0, 0, 0);
    }

    private static ActionOutcome getVeInfo(GuestState guest, SeamcallRegisters regs) {
        GuestState.VeInfo info = guest.veInfo();
        guest.setVeInfo(null);
        regs.rcx = info == null ? 0 : VcpuEntry.EPT_VIOLATION;
        regs.rdx = info == null ? 0 : info.qualification();
        regs.r8 = info == null ? 0 : info.gpa();
        regs.r9 = info == null ? 0 : info.gpa();
        regs.r10 = info == null ? 0 : TDCALL_LENGTH;
        return done(guest, info == null ? TdxStatus.NO_VALID_VE_INFO.code() : 0);
    }

    private ActionOutcome outcome(Vcpu vcpu, long gpaAndLevel, GuestPages.Visit visit, Exit exit) {
        return switch (visit.result()) {
            case STATUS -> done(vcpu.guest(), visit.status());
            case HOST_PRIORITY -> turnedAway(vcpu, exit);
            case INTERRUPTED -> ActionOutcome.INTERRUPTED;
            default ->
                leave(
                        vcpu,
                        LastExit.FAULT,
                        exit,
                        VcpuEntry.EPT_VIOLATION,
                        AccessKind.WRITE.qualification(),
                        visit.extendedQualification(),
                        gpaAndLevel & ~PAGE_OFFSET,
                        0);
        };
    }

    /** The guest sees BUSY; kept out for too long, it comes out to the host with the news. */
    private ActionOutcome turnedAway(Vcpu vcpu, Exit exit) {
        GuestState guest = vcpu.guest();
        long now = nanoClock.getAsLong();
        guest.setRax(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX));
        guest.advance();
        if (now - guest.busySince(now) < HOST_PRIORITY_TIMEOUT_NANOS) {
            return ActionOutcome.DONE;
        }
        return leave(vcpu, LastExit.TRAP, exit, TdxStatus.HOST_PRIORITY_BUSY_TIMEOUT.code(), 0, 0, 0, 0);
    }

    /** Carries out a plain access. */
    public ActionOutcome access(Vcpu vcpu, long gpa, AccessKind kind, Exit exit) {
        GuestPages.Result result = pages.look(vcpu.td(), gpa).result();
        return switch (result) {
            case ACCESSIBLE -> {
                vcpu.guest().advance();
                yield ActionOutcome.DONE;
            }
            case BAD_ADDRESS -> raise(exit, PAGE_FAULT);
            case PENDING ->
                vcpu.td().params().septVeDisable()
                        ? faultOut(vcpu, gpa, kind, PENDING_VIOLATION, exit)
                        : virtualisationException(vcpu.guest(), gpa, kind, exit);
            default -> faultOut(vcpu, gpa, kind, 0, exit);
        };
    }

    private static ActionOutcome virtualisationException(GuestState guest, long gpa, AccessKind kind, Exit exit) {
        if (guest.veInfo() != null) {
            return raise(exit, DOUBLE_FAULT);
        }
        guest.setVeInfo(new GuestState.VeInfo(kind.qualification() | ADDRESS_VALID, gpa));
        return raise(exit, VIRTUALISATION);
    }

    private ActionOutcome faultOut(Vcpu vcpu, long gpa, AccessKind kind, long extendedQualification, Exit exit) {
        long page = gpa & ~PAGE_OFFSET;
        vcpu.guest().countFault(page);
        return leave(
                vcpu,
                LastExit.FAULT,
                exit,
                VcpuEntry.EPT_VIOLATION,
                kind.qualification(),
                extendedQualification,
                page,
                0);
    }

    /** Brings a vCPU out for an interrupt. */
    public ActionOutcome interrupt(Vcpu vcpu, Exit exit) {
        return leave(vcpu, LastExit.FAULT, exit, EXTERNAL_INTERRUPT, 0, 0, 0, INTERRUPT_INFO);
    }

    private ActionOutcome leave(Vcpu vcpu, LastExit how, Exit exit, long rax, long rcx, long rdx, long r8, long r9) {
        exit.rax = entry.exit(vcpu, how, exit.regs, rax, rcx, rdx, r8, r9);
        return ActionOutcome.EXIT;
    }
}
