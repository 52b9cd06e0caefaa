package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.metadata.MetadataField;
import dev.pamt.seamcall.emulator.metadata.MetadataTable;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdParams;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.ArrayList;
import java.util.List;

/**
 * The metadata of the module, in the module's order (TDX module, global_sys_fields_lookup.c and metadata_sys.c).
 *
 * <p>What depends on the processor, on a build or on the loader reads as 0 here: PKG_FMS, BUILD_DATE and BUILD_NUM, what is said
 * of handoff data, CPUID configuration, the lists of processor models and MIN_VIRT_MAXPA.
 */
final class SysFields {
    static final int VENDOR = 0x8086;
    static final int MAJOR_VERSION = 1;
    static final int MINOR_VERSION = 5;

    /** The version of handoff data that the module writes, and no other: it does not prepare a downgrade. */
    static final int HANDOFF_VERSION = 1;

    private static final int UPDATE_VERSION = 25;
    private static final int PAGE = SparseMemory.PAGE_BYTES;
    private static final int PAGES_OF_A_VCPU = 6;
    private static final int PAGES_OF_A_VCPU_PER_L2_VM = 3;
    private static final int MAX_PACKAGES = 8;
    private static final int CPUID_CONFIGS = 32;
    private static final int MODELS = 64;
    private static final int MAX_EVENT_FILTERS = 512;
    private static final int MAX_MIGRATION_STREAMS = 512;
    private static final long ARCH_CAPABILITIES = 1 << 4 | 1 << 19 | 1 << 20 | 1 << 24;
    private static final long SERVICE_TD_ATTRIBUTES = 0x7FF_0000_0001L;
    private static final long L2_PAGE_ATTRIBUTES = 0x807F;
    private static final int DYNAMIC_PAMT_ADDRESS_BITS = 48;
    /** As recorded; bit 36 says Dynamic PAMT. */
    private static final long FEATURES0 = 0xD132_6F3F_0EBFL;

    private final List<MetadataField<Machine>> fields = new ArrayList<>();

    private SysFields() {}

    /** Makes the table of a machine. A module without Dynamic PAMT is one of the releases that do not have its fields. */
    static MetadataTable<Machine> of(Machine machine, Cmrs cmrs) {
        SysFields all = new SysFields();
        all.addVersion(machine);
        all.addMemory(machine, cmrs);
        all.addTds();
        all.addMigration();
        all.addL2Vms();
        return new MetadataTable<>(all.fields);
    }

    private void add(long id, long value) {
        fields.add(MetadataField.readOnly(id, (machine, element) -> value));
    }

    private void add(SysField field, long value) {
        add(field.id(), value);
    }

    private void addArray(long firstId, int count, int elements, long value) {
        fields.add(MetadataField.array(firstId, count, elements, (machine, element) -> value));
    }

    /** NUM_PKGS, PKG_FMS, the module's version, its handoff data, its features. */
    private void addVersion(Machine machine) {
        add(0x0000_0002_0000_0000L, machine.packages());
        addArray(0x0000_0002_0000_0001L, MAX_PACKAGES, 1, 0);
        add(0x0800_0002_0000_0000L, VENDOR);
        add(0x8800_0002_0000_0001L, 0);
        add(0x8800_0001_0000_0002L, 0);
        add(0x0800_0001_0000_0003L, MINOR_VERSION);
        add(0x0800_0001_0000_0004L, MAJOR_VERSION);
        add(0x0800_0001_0000_0005L, UPDATE_VERSION);
        add(0x0800_0001_0000_0006L, 0);
        add(0x8900_0001_0000_0000L, HANDOFF_VERSION);
        add(0x8900_0001_0000_0001L, 0);
        add(0x8900_0000_0000_0002L, 1);
        add(0x8900_0001_0000_0003L, 0);
        add(0x8900_0000_0000_0004L, 0);
        add(0x8900_0001_0000_0005L, 0);
        add(0x8900_0002_0000_0006L, 0);
        add(0x0A00_0002_0000_0000L, 0);
        add(SysField.NUM_TDX_FEATURES, 1);
        add(
                SysField.TDX_FEATURES0,
                machine.dynamicPamt() ? FEATURES0 : FEATURES0 & ~(1L << SysField.FEATURE_DYNAMIC_PAMT));
    }

    private void addMemory(Machine machine, Cmrs cmrs) {
        add(SysField.NUM_CMRS, Cmrs.SLOTS);
        fields.add(MetadataField.array(SysField.CMR_BASE.id(), Cmrs.SLOTS, 1, (of, i) -> cmrs.baseHpa(i)));
        fields.add(MetadataField.array(SysField.CMR_SIZE.id(), Cmrs.SLOTS, 1, (of, i) -> cmrs.bytes(i)));
        add(SysField.MAX_TDMRS, TdmrTable.MAX_TDMRS);
        add(SysField.MAX_RESERVED_PER_TDMR, TdmrTable.MAX_RESERVED_AREAS);
        add(SysField.PAMT_4K_ENTRY_SIZE, Tdmr.ENTRY_BYTES);
        add(SysField.PAMT_2M_ENTRY_SIZE, Tdmr.ENTRY_BYTES);
        add(SysField.PAMT_1G_ENTRY_SIZE, Tdmr.ENTRY_BYTES);
        if (machine.dynamicPamt()) {
            add(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS, 1);
            add(
                    SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS,
                    Math.max(0, machine.hpas().maxPaBits() - DYNAMIC_PAMT_ADDRESS_BITS));
        }
        add(SysField.TDR_BASE_SIZE, PAGE);
        add(SysField.TDCS_BASE_SIZE, Td.MIN_CONTROL_PAGES * PAGE);
        add(SysField.TDCS_SIZE_PER_L2_VM, PAGE);
        add(SysField.TDVPS_BASE_SIZE, PAGES_OF_A_VCPU * PAGE);
        add(SysField.TDVPS_SIZE_PER_L2_VM, PAGES_OF_A_VCPU_PER_L2_VM * PAGE);
    }

    /** What a TD may be: ATTRIBUTES, XFAM, configuration flags, vCPUs, CPUID, processor models. */
    private void addTds() {
        add(0x1900_0003_0000_0000L, TdParams.ATTRIBUTES_ALLOWED);
        add(0x1900_0003_0000_0001L, 0);
        add(0x1900_0003_0000_0002L, TdParams.XFAM_ALLOWED);
        add(0x1900_0003_0000_0003L, TdParams.XFAM_REQUIRED);
        add(0x9900_0001_0000_0004L, 0);
        add(0x9900_0003_0000_0006L, TdParams.CONFIG_FLAGS_ALLOWED);
        add(0x9900_0003_0000_0007L, 0);
        add(SysField.MAX_VCPUS_PER_TD, TdParams.MAX_VCPUS);
        add(0x9900_0000_0000_0009L, 0);
        add(0x9900_0001_0000_000AL, MAX_EVENT_FILTERS);
        addArray(0x9900_0003_0000_0400L, CPUID_CONFIGS, 1, -1);
        addArray(0x9900_0003_0000_0500L, CPUID_CONFIGS, 2, 0);
        add(0x9900_0003_0000_0600L, ARCH_CAPABILITIES);
        add(0x9900_0001_0000_0800L, 0);
        add(0x9900_0001_0000_0801L, 0);
        addArray(0x9900_0003_0000_0810L, MODELS, 1, 0);
        addArray(0x9900_0003_0000_0850L, MODELS, 1, 0);
    }

    /** Migration: its attributes, versions, streams and pages; service TDs. */
    private void addMigration() {
        add(0xA000_0003_0000_0000L, 0);
        for (long version = 1; version <= 4; version++) {
            add(0x2000_0001_0000_0000L + version, 0);
        }
        add(0xA000_0001_0000_0010L, MAX_MIGRATION_STREAMS);
        add(0xA000_0000_0000_0020L, 4);
        add(0xA000_0000_0000_0021L, 2);
        add(0xA000_0000_0000_0022L, 5);
        add(0xA100_0001_0000_0000L, 1);
        add(0xA100_0003_0000_0001L, SERVICE_TD_ATTRIBUTES);
        add(0xA100_0003_0000_0002L, 0);
    }

    /** The attributes of pages, and what an L1 may ask for, allowed and required bits by turns. */
    private void addL2Vms() {
        add(0xA200_0001_0000_0000L, L2_PAGE_ATTRIBUTES);
        add(0xA200_0003_0000_0001L, 1);
        add(0xA200_0003_0000_0002L, 0);
        add(0xA200_0003_0000_0003L, 3);
        add(0xA200_0003_0000_0004L, 0);
        add(0xA200_0003_0000_0005L, 7);
        add(0xA200_0003_0000_0006L, 0);
    }
}
