package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.metadata.MetadataList;
import dev.pamt.seamcall.emulator.metadata.MetadataTable;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import java.util.Map;

/**
 * The leaves that tell the host about the module: SYS.RD and SYS.RDALL, and SYS.INFO for hosts of before them (TDX module
 * 1.5.25, tdh_sys_rd.c, tdh_sys_rdall.c, tdh_sys_info.c). A processor answers them once SYS.LP.INIT was done on it.
 */
public final class MetadataHandlers implements HandlerFamily {
    private final Machine machine;
    private final Cmrs cmrs;
    private final MetadataTable<Machine> fields;

    /** Makes the leaves of a module. */
    public MetadataHandlers(Machine machine, Cmrs cmrs) {
        this.machine = machine;
        this.cmrs = cmrs;
        fields = SysFields.of(machine, cmrs);
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.SYS_RD, this::read,
                SeamcallLeaf.SYS_RDALL, this::readAll,
                SeamcallLeaf.SYS_INFO, this::info);
    }

    /** SYS.RD: RDX is the id of the next field and R8 the value; after a failure -1 and 0. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long id = regs.rdx;
        regs.rdx = MetadataTable.NO_FIELD;
        regs.r8 = 0;
        if (!lp.initialised()) {
            return TdxStatus.SYS_LP_INIT_NOT_DONE.code();
        }
        machine.timing().spend(SeamcallLeaf.SYS_RD);
        return fields.read(machine, id, true, regs);
    }

    /** SYS.RDALL: all fields from the one in R8 on, as a list in the page in RDX; R8 is the first that did not fit. */
    long readAll(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long firstId = regs.r8;
        regs.r8 = MetadataTable.NO_FIELD;
        if (!lp.initialised()) {
            return TdxStatus.SYS_LP_INIT_NOT_DONE.code();
        }
        if (!machine.hpas().isShared(regs.rdx, SparseMemory.PAGE_BYTES)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        machine.timing().spend(SeamcallLeaf.SYS_RDALL);
        long pageHpa = machine.hpas().withoutHkid(regs.rdx);
        MetadataList<Machine> list = new MetadataList<>(fields, machine, machine.memory(), pageHpa);
        long status = list.dump(firstId);
        regs.r8 = list.nextId();
        return status;
    }

    /** SYS.INFO: TDSYSINFO_STRUCT at RCX, which has RDX bytes, and CMR_INFO at R8, which has R9 entries. */
    long info(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long infoBytes = regs.rdx;
        long cmrSlots = regs.r9;
        regs.rdx = 0;
        regs.r9 = 0;
        if (!lp.initialised()) {
            return TdxStatus.SYS_LP_INIT_NOT_DONE.code();
        }
        if (!machine.hpas().isShared(regs.rcx, TdSysInfo.BYTES)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (Long.compareUnsigned(infoBytes, TdSysInfo.BYTES) < 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        TdSysInfo info = new TdSysInfo(machine);
        info.clear(regs.rcx);
        if (!machine.hpas().isShared(regs.r8, TdSysInfo.CMR_BYTES)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        if (Long.compareUnsigned(cmrSlots, Cmrs.SLOTS) < 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R9);
        }
        machine.timing().spend(SeamcallLeaf.SYS_INFO);
        info.write(regs.rcx);
        info.writeCmrs(regs.r8, cmrs);
        regs.rdx = TdSysInfo.BYTES;
        regs.r9 = Cmrs.SLOTS;
        return 0;
    }
}
