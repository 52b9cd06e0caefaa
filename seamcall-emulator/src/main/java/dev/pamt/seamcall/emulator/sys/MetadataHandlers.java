package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.List;
import java.util.Map;
import java.util.function.IntToLongFunction;

/**
 * TDH.SYS.RD: the fields of the module's metadata that a host needs for Dynamic PAMT (TDX module 1.5.25, tdh_sys_rd.c and
 * metadata_sys.c).
 *
 * <p>A field is found by class and field code alone; the element size in the id is ignored. Fields that a module without
 * Dynamic PAMT does not have are answered METADATA_FIELD_NOT_READABLE, as old modules do.
 */
public final class MetadataHandlers implements HandlerFamily {
    private static final long NO_FIELD = -1;
    private static final long FIELD_CODE = 0xFF_FFFF;
    private static final long CLASS_CODE = 0x3FL << 56;
    private static final long MUST_BE_ZERO = 0xFFL << 24 | 0xFL << 34 | 0x1FFL << 38 | 0x7L << 47 | 1L << 55 | 1L << 62;
    /** As recorded; bit 36 says Dynamic PAMT. */
    private static final long FEATURES0 = 0xD132_6F3F_0EBFL;

    private static final int DYNAMIC_PAMT_ADDRESS_BITS = 48;
    private static final int PAGE = 4096;

    /** A field, or an array of consecutive ones. */
    private record Field(long firstId, int count, boolean readable, IntToLongFunction value) {
        boolean has(long id) {
            long offset = (id & FIELD_CODE) - (firstId & FIELD_CODE);
            return (id & CLASS_CODE) == (firstId & CLASS_CODE) && offset >= 0 && offset < count;
        }

        int indexOf(long id) {
            return (int) ((id & FIELD_CODE) - (firstId & FIELD_CODE));
        }
    }

    private final List<Field> fields;

    /** Makes the fields of a platform. */
    public MetadataHandlers(Machine machine, Cmrs cmrs) {
        boolean dynamicPamtSupported = machine.dynamicPamt();
        long features = dynamicPamtSupported ? FEATURES0 : FEATURES0 & ~(1L << SysField.FEATURE_DYNAMIC_PAMT);
        long hkidBits = Math.max(0, machine.hpas().maxPaBits() - DYNAMIC_PAMT_ADDRESS_BITS);
        fields = List.of(
                field(SysField.NUM_TDX_FEATURES, 1),
                field(SysField.TDX_FEATURES0, features),
                field(SysField.NUM_CMRS, Cmrs.SLOTS),
                new Field(SysField.CMR_BASE.id(), Cmrs.SLOTS, true, cmrs::baseHpa),
                new Field(SysField.CMR_SIZE.id(), Cmrs.SLOTS, true, cmrs::bytes),
                field(SysField.MAX_TDMRS, TdmrTable.MAX_TDMRS),
                field(SysField.MAX_RESERVED_PER_TDMR, TdmrTable.MAX_RESERVED_AREAS),
                field(SysField.PAMT_4K_ENTRY_SIZE, Tdmr.ENTRY_BYTES),
                field(SysField.PAMT_2M_ENTRY_SIZE, Tdmr.ENTRY_BYTES),
                field(SysField.PAMT_1G_ENTRY_SIZE, Tdmr.ENTRY_BYTES),
                new Field(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS.id(), 1, dynamicPamtSupported, i -> 1),
                new Field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS.id(), 1, dynamicPamtSupported, i -> hkidBits),
                field(SysField.TDR_BASE_SIZE, PAGE),
                field(SysField.TDCS_BASE_SIZE, 6 * PAGE),
                field(SysField.TDCS_SIZE_PER_L2_VM, PAGE),
                field(SysField.TDVPS_BASE_SIZE, 6 * PAGE),
                field(SysField.TDVPS_SIZE_PER_L2_VM, 3 * PAGE),
                field(SysField.MAX_VCPUS_PER_TD, 576));
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.SYS_RD, this::read);
    }

    private static Field field(SysField field, long value) {
        return new Field(field.id(), 1, true, i -> value);
    }

    /** SYS.RD: RDX is the id of the next field and R8 the value; after a failure -1 and 0. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long id = regs.rdx;
        regs.rdx = NO_FIELD;
        regs.r8 = 0;
        if (!lp.initialised()) {
            return TdxStatus.SYS_LP_INIT_NOT_DONE.code();
        }
        if (id == NO_FIELD) {
            regs.rdx = fields.get(0).firstId();
            return TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT.code();
        }
        if ((id & MUST_BE_ZERO) != 0) {
            return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
        }
        for (int i = 0; i < fields.size(); i++) {
            Field field = fields.get(i);
            if (field.has(id)) {
                if (!field.readable()) {
                    return TdxStatus.METADATA_FIELD_NOT_READABLE.code();
                }
                regs.r8 = field.value().applyAsLong(field.indexOf(id));
                regs.rdx = next(i, field, field.indexOf(id));
                return 0;
            }
        }
        return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
    }

    private long next(int position, Field field, int index) {
        if (index + 1 < field.count()) {
            return field.firstId() + index + 1;
        }
        for (int i = position + 1; i < fields.size(); i++) {
            if (fields.get(i).readable()) {
                return fields.get(i).firstId();
            }
        }
        return NO_FIELD;
    }
}
