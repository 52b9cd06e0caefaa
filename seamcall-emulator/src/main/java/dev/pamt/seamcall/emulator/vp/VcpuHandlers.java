package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdHold;
import dev.pamt.seamcall.emulator.td.TdLifecycle;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves that make a vCPU and let go of it: VP.CREATE, VP.ADDCX, VP.INIT, VP.FLUSH (TDX module 1.5.25, tdh_vp_create.c,
 * tdh_vp_addcx.c, tdh_vp_init.c, tdh_vp_flush.c).
 */
public final class VcpuHandlers implements HandlerFamily {
    private static final Set<OpState> WHILE_BUILT = EnumSet.of(OpState.INITIALIZED);

    private final SparseMemory memory;
    private final Pamt pamt;
    private final TdAccess access;
    private final VcpuTable vcpus;
    private final Timing timing;

    /** Makes the leaves. */
    public VcpuHandlers(Machine machine, Pamt pamt, TdAccess access, VcpuTable vcpus) {
        this.pamt = pamt;
        this.access = access;
        this.vcpus = vcpus;
        memory = machine.memory();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.VP_CREATE, this::create,
                SeamcallLeaf.VP_ADDCX, this::addPage,
                SeamcallLeaf.VP_INIT, this::initialise,
                SeamcallLeaf.VP_FLUSH, this::flush);
    }

    /** VP.CREATE. */
    long create(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(
                regs.rdx,
                TdxOperand.RDX,
                LockMode.SHARED,
                WHILE_BUILT,
                hold -> create(hold.td(), hold.page(), regs.rcx));
    }

    private long create(Td td, PamtWalk root, long tdvprHpa) {
        long status = pamt.lockPage(root, tdvprHpa, TdxOperand.RCX, LockMode.EXCLUSIVE, PageType.NDA);
        if (status == 0) {
            memory.zeroPage(tdvprHpa);
            timing.spend(SeamcallLeaf.VP_CREATE);
            vcpus.create(tdvprHpa, td);
            td.addChildPages(1);
            root.assign(PageType.TDVPR, td.tdrHpa());
        }
        return status;
    }

    /** VP.ADDCX. */
    long addPage(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        TdHold hold = new TdHold();
        PamtWalk root = new PamtWalk();
        long status = lockVcpu(root, hold, regs.rdx, TdxOperand.RDX, LockMode.SHARED);
        if (status == 0) {
            status = access.checkState(hold, WHILE_BUILT, true);
        }
        if (status == 0) {
            status = addPage(vcpus.at(regs.rdx), hold.page(), regs.rcx);
        }
        root.release();
        hold.release();
        return status;
    }

    private long addPage(Vcpu vcpu, PamtWalk page, long hpa) {
        if (vcpu.state() != Vcpu.State.UNINITIALIZED) {
            return TdxStatus.VCPU_STATE_INCORRECT.with(vcpu.state().code());
        }
        if (vcpu.pages() >= Vcpu.MAX_PAGES) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        long status = pamt.lockPage(page, hpa, TdxOperand.RCX, LockMode.EXCLUSIVE, PageType.NDA);
        if (status == 0) {
            memory.zeroPage(hpa);
            timing.spend(SeamcallLeaf.VP_ADDCX);
            vcpu.addPage();
            vcpu.td().addChildPages(1);
            page.assign(PageType.TDCX, vcpu.td().tdrHpa());
        }
        return status;
    }

    /** VP.INIT: also associates the vCPU with this processor. */
    long initialise(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (version > SeamcallLeaf.VP_INIT.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        TdHold hold = new TdHold();
        PamtWalk root = new PamtWalk();
        LockMode mode = version == 0 ? LockMode.SHARED : LockMode.EXCLUSIVE;
        long status = lockVcpu(root, hold, regs.rcx, TdxOperand.RCX, mode);
        if (status == 0) {
            status = access.checkState(hold, WHILE_BUILT, true);
        }
        if (status == 0) {
            // Version 0 knows no x2APIC id: whatever R8 is, the vCPU is listed with 0.
            status = initialise(vcpus.at(regs.rcx), lp, version, version == 0 ? 0 : regs.r8);
        }
        hold.release();
        root.release();
        return status;
    }

    private long initialise(Vcpu vcpu, LogicalProcessor lp, int version, long x2apicId) {
        if (!vcpu.hasAllPages()) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        if (vcpu.state() != Vcpu.State.UNINITIALIZED) {
            return TdxStatus.VCPU_STATE_INCORRECT.with(vcpu.state().code());
        }
        Td td = vcpu.td();
        int index = td.takeVcpuIndex();
        long status = checkVcpu(td, index, version, x2apicId);
        if (status != 0) {
            td.returnVcpuIndex();
            return status;
        }
        timing.spend(SeamcallLeaf.VP_INIT);
        td.setX2apicId(index, (int) x2apicId);
        vcpu.associate(lp.index());
        vcpu.setState(Vcpu.State.READY);
        return 0;
    }

    private static long checkVcpu(Td td, int index, int version, long x2apicId) {
        if (index >= td.params().maxVcpus()) {
            return TdxStatus.MAX_VCPUS_EXCEEDED.code();
        }
        if (version == 0) {
            return 0;
        }
        if (x2apicId >>> 32 != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        for (int other = 0; other < index; other++) {
            if (td.x2apicId(other) == (int) x2apicId) {
                return TdxStatus.X2APIC_ID_NOT_UNIQUE.with(x2apicId);
            }
        }
        return 0;
    }

    /** VP.FLUSH: ends the association with this processor. */
    long flush(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        TdHold hold = new TdHold();
        PamtWalk root = new PamtWalk();
        long status = lockVcpu(root, hold, regs.rcx, TdxOperand.RCX, LockMode.SHARED);
        if (status == 0) {
            status = flush(vcpus.at(regs.rcx), lp);
        }
        hold.release();
        root.release();
        return status;
    }

    private long flush(Vcpu vcpu, LogicalProcessor lp) {
        if (vcpu.td().lifecycle() != TdLifecycle.KEYS_CONFIGURED) {
            return TdxStatus.TD_KEYS_NOT_CONFIGURED.code();
        }
        if (!vcpu.hasAllPages()) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        if (vcpu.processor() != lp.index()) {
            return TdxStatus.VCPU_NOT_ASSOCIATED.code();
        }
        timing.spend(SeamcallLeaf.VP_FLUSH);
        vcpu.dissociate();
        return 0;
    }

    private long lockVcpu(PamtWalk root, TdHold hold, long tdvprHpa, TdxOperand operand, LockMode tdrMode) {
        long status = pamt.lockPage(root, tdvprHpa, operand, LockMode.EXCLUSIVE, PageType.TDVPR);
        return status != 0 ? status : access.lockOwner(hold, root.ownerHpa(), tdrMode);
    }
}
