package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.sept.GuestPages;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdHold;
import java.util.EnumSet;
import java.util.Set;

/**
 * The way into a vCPU and out of it: TDH.VP.ENTER up to the guest's first instruction, and TD exit (TDX module 1.5.25,
 * tdh_vp_enter.c, td_exit.c, td_exit_stepping.c).
 *
 * <p>Between the two the processor holds the root page of the vCPU shared, with the PAMT entries above it, and the root page
 * of the TD shared: PAMT.REMOVE of the vCPU's region is busy until it comes out.
 */
public final class VcpuEntry {
    /** The vCPU is entered: no status, the guest runs. */
    public static final long ENTERED = -2;

    /** Exit reason: EPT violation. */
    public static final long EPT_VIOLATION = 48;

    private static final Set<OpState> RUNNING = EnumSet.of(OpState.RUNNABLE);
    private static final long HOST_RECOVERABILITY_HINT = 1L << 52;
    private static final long RESUME_L1 = 1L << 53;
    private static final long RESERVED = 0xFFF | -1L << 54;
    private static final long RECOVERABLE_BY_HOST = 1L << 60;
    private static final int ZERO_STEP_FAULTS = 7;

    private final Pamt pamt;
    private final TdAccess access;
    private final VcpuTable vcpus;
    private final GuestPages pages;
    private final Timing timing;

    /** Makes the entry to the vCPUs of a module. */
    public VcpuEntry(Machine machine, Pamt pamt, TdAccess access, VcpuTable vcpus, GuestPages pages) {
        this.pamt = pamt;
        this.access = access;
        this.vcpus = vcpus;
        this.pages = pages;
        timing = machine.timing();
    }

    /** The vCPU that VP.ENTER names. */
    public static long rootOf(long word) {
        return word & ~(RESERVED | HOST_RECOVERABILITY_HINT | RESUME_L1);
    }

    /** Enters a vCPU; {@link #ENTERED}, or the status with which VP.ENTER returns. */
    public long enter(LogicalProcessor lp, SeamcallRegisters regs) {
        if ((regs.rcx & RESERVED) != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        // The hold becomes the vCPU's only once it is known that no other processor is inside.
        Holds holds = new Holds();
        long status = pamt.lockPage(holds.root, rootOf(regs.rcx), TdxOperand.RCX, LockMode.SHARED, PageType.TDVPR);
        if (status == 0) {
            status = access.lockOwner(holds.td, holds.root.ownerHpa(), LockMode.SHARED);
        }
        if (status == 0) {
            status = access.checkState(holds.td, RUNNING, true);
        }
        if (status == 0) {
            status = enter(vcpus.at(rootOf(regs.rcx)), holds, lp, regs);
        }
        holds.td.releaseOpState();
        if (status != ENTERED) {
            holds.td.release();
            holds.root.release();
        }
        return status;
    }

    private static final class Holds {
        private final PamtWalk root = new PamtWalk();
        private final TdHold td = new TdHold();
    }

    private long enter(Vcpu vcpu, Holds holds, LogicalProcessor lp, SeamcallRegisters regs) {
        if (!vcpu.hasAllPages()) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        if (!vcpu.tryActivate()) {
            return TdxStatus.VCPU_STATE_INCORRECT.with(vcpu.state().code());
        }
        // A vCPU that was associated stays so, whether it can be entered or not.
        long status =
                vcpu.associate(lp.index()) ? enterAssociated(vcpu, holds, regs) : TdxStatus.VCPU_ASSOCIATED.code();
        if (status != ENTERED) {
            vcpu.setState(Vcpu.State.READY);
        }
        return status;
    }

    private long enterAssociated(Vcpu vcpu, Holds holds, SeamcallRegisters regs) {
        GuestState guest = vcpu.guest();
        boolean recover = (regs.rcx & HOST_RECOVERABILITY_HINT) != 0;
        if ((recover && guest.lastExit() != GuestState.LastExit.TRAP) || (regs.rcx & RESUME_L1) != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (guest.suspectsZeroStep(ZERO_STEP_FAULTS) && pages.faultsOut(vcpu.td(), guest.faultGpa())) {
            return fill(regs, EPT_VIOLATION, AccessKind.WRITE.qualification(), 0, guest.faultGpa(), 0);
        }
        Td td = vcpu.td();
        if (!td.epochLock().acquireShared()) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.TD_EPOCH);
        }
        long epoch = td.epoch();
        td.enterEpoch(epoch);
        td.epochLock().releaseShared();
        timing.spend(SeamcallLeaf.VP_ENTER);
        guest.setEnteredEpoch(epoch);
        if (recover) {
            guest.setRax(guest.rax() | RECOVERABLE_BY_HOST);
        }
        vcpu.keep(holds.root, holds.td);
        return ENTERED;
    }

    /** Leaves a vCPU; what VP.ENTER returns in RAX. All other registers are those given, or zero. */
    public long exit(
            Vcpu vcpu,
            GuestState.LastExit how,
            SeamcallRegisters regs,
            long rax,
            long rcx,
            long rdx,
            long r8,
            long r9) {
        GuestState guest = vcpu.guest();
        guest.setLastExit(how);
        guest.notBusy();
        vcpu.td().leaveEpoch(guest.enteredEpoch());
        vcpu.letGo();
        return fill(regs, rax, rcx, rdx, r8, r9);
    }

    private static long fill(SeamcallRegisters regs, long rax, long rcx, long rdx, long r8, long r9) {
        regs.clear();
        regs.rcx = rcx;
        regs.rdx = rdx;
        regs.r8 = r8;
        regs.r9 = r9;
        return rax;
    }
}
