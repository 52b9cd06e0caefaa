package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.metadata.MetadataField;
import dev.pamt.seamcall.emulator.metadata.MetadataTable;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * MNG.RD: the fields of a TD that a host may read whether or not the TD is debuggable, and that are kept here (TDX module 1.5.25,
 * tdh_mng_rd_wr.c; the ids of tdr_tdcs_fields_lookup.c).
 */
public final class TdMetadataHandlers implements HandlerFamily {
    private static final Set<OpState> INITIALISED = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);

    private static final MetadataTable<Td> FIELDS = new MetadataTable<>(List.of(
            field(0x8010_0000_0000_0001L, td -> 0),
            field(0x8010_0002_0000_0002L, Td::controlPageCount),
            field(0x8010_0003_0000_0004L, Td::childPages),
            field(0x8010_0002_0000_0005L, td -> td.lifecycle().code()),
            MetadataField.array(0x8010_0003_0000_0010L, Td.MAX_CONTROL_PAGES, 1, Td::controlPageHpa),
            field(0x8110_0001_0000_0001L, Td::hkid),
            field(0x8110_0003_0000_0002L, Td::keyPackages),
            field(0x9010_0002_0000_0001L, Td::vcpus),
            field(0x9010_0002_0000_0002L, Td::associatedVcpus),
            field(0x9010_0002_0000_0004L, td -> td.opState().code()),
            field(0x9010_0001_0000_0005L, td -> td.params().l2Vms()),
            field(0x1110_0003_0000_0000L, td -> td.params().attributes()),
            field(0x1110_0003_0000_0001L, td -> td.params().xfam()),
            field(0x1110_0002_0000_0002L, td -> td.params().maxVcpus()),
            field(0x1110_0000_0000_0003L, td -> td.params().wideGpa() ? 1 : 0),
            field(0x1110_0001_0000_000CL, td -> td.params().tscFrequency())));

    private final TdAccess access;
    private final Timing timing;

    /** Makes the leaf. */
    public TdMetadataHandlers(Machine machine, TdAccess access) {
        this.access = access;
        timing = machine.timing();
    }

    private static MetadataField<Td> field(long id, ToLongFunction<Td> value) {
        return MetadataField.readOnly(id, (td, element) -> value.applyAsLong(td));
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.MNG_RD, this::read);
    }

    /** MNG.RD, versions 0 and 1: R8 is the value, and of version 1 RDX the next field. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long id = regs.rdx;
        if (version > 0) {
            regs.rdx = MetadataTable.NO_FIELD;
        }
        regs.r8 = 0;
        if (version > SeamcallLeaf.MNG_RD.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        return access.run(regs.rcx, TdxOperand.RCX, LockMode.SHARED, INITIALISED, hold -> {
            timing.spend(SeamcallLeaf.MNG_RD);
            return FIELDS.read(hold.td(), id, version > 0, regs);
        });
    }
}
