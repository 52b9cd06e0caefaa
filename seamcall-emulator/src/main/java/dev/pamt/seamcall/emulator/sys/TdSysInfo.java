package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdParams;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * TDSYSINFO_STRUCT and CMR_INFO, what SYS.INFO writes into the host's memory (td_sys_info_t of TDX module 1.5.25,
 * tdx_api_defs.h). It lists no CPUID configuration: that depends on the processor.
 */
final class TdSysInfo {
    /** The size of TDSYSINFO_STRUCT, and its alignment. */
    static final int BYTES = 1024;

    /** The size of all of CMR_INFO, and its alignment. */
    static final int CMR_BYTES = Cmrs.SLOTS * 2 * Long.BYTES;

    private static final int VCPU_PAGES = 6;
    private static final long SYS_RD_CAN_BE_USED = 1;

    private final SparseMemory memory;
    private final HpaRules hpas;

    TdSysInfo(Machine machine) {
        memory = machine.memory();
        hpas = machine.hpas();
    }

    /** Writes zeroes; the module does so before it has checked all operands. */
    void clear(long sharedHpa) {
        long hpa = hpas.withoutHkid(sharedHpa);
        for (long offset = 0; offset < BYTES; offset += Long.BYTES) {
            memory.write64(hpa + offset, 0);
        }
    }

    /** Writes what is not zero. */
    void write(long sharedHpa) {
        long hpa = hpas.withoutHkid(sharedHpa);
        memory.write64(hpa, (long) SysFields.VENDOR << 32);
        memory.write64(hpa + 8, (long) SysFields.MINOR_VERSION << 48);
        memory.write64(hpa + 16, SysFields.MAJOR_VERSION | SYS_RD_CAN_BE_USED << 16);
        memory.write64(
                hpa + 32,
                TdmrTable.MAX_TDMRS | (long) TdmrTable.MAX_RESERVED_AREAS << 16 | (long) Tdmr.ENTRY_BYTES << 32);
        memory.write64(
                hpa + 48,
                Td.MIN_CONTROL_PAGES * SparseMemory.PAGE_BYTES | ((long) VCPU_PAGES * SparseMemory.PAGE_BYTES) << 32);
        memory.write64(hpa + 64, TdParams.ATTRIBUTES_ALLOWED);
        memory.write64(hpa + 80, TdParams.XFAM_ALLOWED);
        memory.write64(hpa + 88, TdParams.XFAM_REQUIRED);
    }

    void writeCmrs(long sharedHpa, Cmrs cmrs) {
        long hpa = hpas.withoutHkid(sharedHpa);
        for (int i = 0; i < Cmrs.SLOTS; i++) {
            memory.write64(hpa + i * 2L * Long.BYTES, cmrs.baseHpa(i));
            memory.write64(hpa + (i * 2L + 1) * Long.BYTES, cmrs.bytes(i));
        }
    }
}
