package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.metadata.MetadataField;
import dev.pamt.seamcall.emulator.metadata.MetadataTable;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdHold;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * VP.RD and VP.WR: the fields of a vCPU that a host uses to deliver interrupts (TDX module 1.5.25, tdh_vp_rd_wr.c, metadata_vp.c).
 * Both associate the vCPU with the processor, and it stays so whatever becomes of the field.
 */
public final class VcpuMetadataHandlers implements HandlerFamily {
    private static final Set<OpState> INITIALISED = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final long DESCRIPTOR_BYTES = 64;
    private static final long DESCRIPTOR_ADDRESS = (1L << 52) - DESCRIPTOR_BYTES;
    private static final int LAST_VECTOR = 0xFF;
    private static final int NOTIFICATION_VECTOR = 0x0002;
    private static final int DESCRIPTOR = 0x2016;

    private final Pamt pamt;
    private final TdAccess access;
    private final VcpuTable vcpus;
    private final HpaRules hpas;
    private final Timing timing;
    private final MetadataTable<Vcpu> fields = new MetadataTable<>(List.of(
            vmcs(0x0020_0001_0000_0002L, InterruptPosting::vector, 0xFFFF, this::setVector),
            vmcs(0x0020_0003_0000_2016L, InterruptPosting::descriptorHpa, DESCRIPTOR_ADDRESS, this::setDescriptor),
            vmcs(0x0020_0002_0000_4000L, InterruptPosting::controls, InterruptPosting.ENABLE, this::setControls),
            MetadataField.readOnly(0x9120_0003_0000_0100L, (vcpu, element) -> 0),
            vmcs(0x2020_0000_0000_000BL, InterruptPosting::pendingNmi, 0xFF, this::setPendingNmi)));

    /** Makes the leaves. */
    public VcpuMetadataHandlers(Machine machine, Pamt pamt, TdAccess access, VcpuTable vcpus) {
        this.pamt = pamt;
        this.access = access;
        this.vcpus = vcpus;
        hpas = machine.hpas();
        timing = machine.timing();
    }

    private static MetadataField<Vcpu> vmcs(
            long id, ToLongFunction<InterruptPosting> value, long writable, MetadataField.Writer<Vcpu> writer) {
        return new MetadataField<>(id, 1, 1, (vcpu, element) -> value.applyAsLong(vcpu.interrupts()), writable, writer);
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.VP_RD, this::read,
                SeamcallLeaf.VP_WR, this::write);
    }

    /** VP.RD, versions 0 and 1: R8 is the value, and of version 1 RDX the next field. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long id = regs.rdx;
        if (version > 0) {
            regs.rdx = MetadataTable.NO_FIELD;
        }
        regs.r8 = 0;
        if (version > SeamcallLeaf.VP_RD.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        return onAssociated(lp, regs.rcx, vcpu -> {
            timing.spend(SeamcallLeaf.VP_RD);
            return fields.read(vcpu, id, version > 0, regs);
        });
    }

    /** VP.WR: R8 is the value and R9 says which bits of it to write; R8 is the old value. */
    long write(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long value = regs.r8;
        regs.r8 = 0;
        return onAssociated(lp, regs.rcx, vcpu -> {
            timing.spend(SeamcallLeaf.VP_WR);
            return fields.write(vcpu, regs.rdx, value, regs.r9, regs);
        });
    }

    private long onAssociated(LogicalProcessor lp, long tdvprHpa, ToLongFunction<Vcpu> action) {
        TdHold hold = new TdHold();
        PamtWalk root = new PamtWalk();
        long status = pamt.lockPage(root, tdvprHpa, TdxOperand.RCX, LockMode.SHARED, PageType.TDVPR);
        if (status == 0) {
            status = access.lockOwner(hold, root.ownerHpa(), LockMode.SHARED);
        }
        if (status == 0) {
            status = access.checkState(hold, INITIALISED, true);
        }
        if (status == 0) {
            Vcpu vcpu = vcpus.at(tdvprHpa);
            status = associate(vcpu, lp);
            if (status == 0) {
                status = action.applyAsLong(vcpu);
            }
        }
        hold.release();
        root.release();
        return status;
    }

    private static long associate(Vcpu vcpu, LogicalProcessor lp) {
        if (!vcpu.hasAllPages()) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        Vcpu.State state = vcpu.state();
        if (state != Vcpu.State.READY) {
            return TdxStatus.VCPU_STATE_INCORRECT.with(state.code());
        }
        return vcpu.associate(lp.index()) ? 0 : TdxStatus.VCPU_ASSOCIATED.code();
    }

    private long setVector(Vcpu vcpu, long vector) {
        if (vector > LAST_VECTOR) {
            return TdxStatus.METADATA_FIELD_VALUE_NOT_VALID.code();
        }
        vcpu.interrupts().setVector(vector);
        return 0;
    }

    private long setDescriptor(Vcpu vcpu, long hpa) {
        if (!hpas.isShared(hpa, DESCRIPTOR_BYTES)) {
            return TdxStatus.METADATA_FIELD_VALUE_NOT_VALID.code();
        }
        vcpu.interrupts().setDescriptorHpa(hpa);
        return 0;
    }

    private long setControls(Vcpu vcpu, long controls) {
        InterruptPosting interrupts = vcpu.interrupts();
        if ((controls & InterruptPosting.ENABLE) != 0) {
            if (!interrupts.hasVector()) {
                return TdxStatus.TD_VMCS_FIELD_NOT_INITIALIZED.with(NOTIFICATION_VECTOR);
            }
            if (!interrupts.hasDescriptor()) {
                return TdxStatus.TD_VMCS_FIELD_NOT_INITIALIZED.with(DESCRIPTOR);
            }
        }
        interrupts.setControls(controls);
        return 0;
    }

    private long setPendingNmi(Vcpu vcpu, long pending) {
        vcpu.interrupts().setPendingNmi(pending);
        return 0;
    }
}
