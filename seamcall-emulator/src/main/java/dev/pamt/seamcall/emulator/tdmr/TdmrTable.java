package dev.pamt.seamcall.emulator.tdmr;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import java.util.ArrayList;
import java.util.List;

/**
 * The TDMRs that SYS.CONFIG has set up, ordered by address, and the mode of their PAMT.
 *
 * <p>Empty until SYS.CONFIG succeeds, then fixed. Written under the module-wide lock; read without one.
 */
public final class TdmrTable {
    /** The number of TDMRs that SYS.CONFIG takes. */
    public static final int MAX_TDMRS = 64;

    /** The number of reserved areas of a TDMR. */
    public static final int MAX_RESERVED_AREAS = TdmrInfo.RESERVED_AREAS;

    /** The alignment of TDMR_INFO, and of the array of their addresses. */
    public static final int INFO_ALIGNMENT = 512;

    private static final Tdmr[] NONE = {};

    private final SparseMemory memory;
    private final HpaRules hpas;
    private final Cmrs cmrs;
    private volatile boolean dynamicPamt;
    private volatile Tdmr[] tdmrs = NONE;

    /** Makes an empty table. */
    public TdmrTable(Machine machine, Cmrs cmrs) {
        this.cmrs = cmrs;
        memory = machine.memory();
        hpas = machine.hpas();
    }

    /** Whether PAMT_4K entries live in page pairs. */
    public boolean dynamicPamt() {
        return dynamicPamt;
    }

    /** Stores the mode; SYS.CONFIG does so before it looks at the TDMRs, and keeps it if one of them is bad. */
    public void setDynamicPamt(boolean enabled) {
        dynamicPamt = enabled;
    }

    /** Takes the TDMRs over, all or none. */
    public long configure(long infoArrayHpa, int count) {
        TdmrChecks checks = new TdmrChecks(hpas, cmrs, dynamicPamt);
        List<TdmrInfo> infos = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            long infoHpa = memory.read64(hpas.withoutHkid(infoArrayHpa) + (long) i * Long.BYTES);
            if (!hpas.isShared(infoHpa, INFO_ALIGNMENT)) {
                return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
            }
            infos.add(TdmrInfo.read(memory, hpas.withoutHkid(infoHpa)));
            long status = checks.check(infos);
            if (status != 0) {
                return status;
            }
        }
        tdmrs = infos.stream().map(info -> new Tdmr(info, dynamicPamt)).toArray(Tdmr[]::new);
        return 0;
    }

    /** The TDMR that begins at an address, or null. */
    public Tdmr beginningAt(long hpa) {
        for (Tdmr tdmr : tdmrs) {
            if (tdmr.baseHpa() == hpa) {
                return tdmr;
            }
        }
        return null;
    }

    /** The TDMR that an address lies in, initialised or not, or null. */
    public Tdmr covering(long hpa) {
        Tdmr[] table = tdmrs;
        int low = 0;
        int high = table.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (table[middle].baseHpa() <= hpa) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low == 0 || hpa >= table[low - 1].endHpa() ? null : table[low - 1];
    }

    /** The TDMR that an address lies in if its block of 1 GiB is initialised, or null. */
    public Tdmr usable(long hpa) {
        Tdmr tdmr = covering(hpa);
        return tdmr == null || hpa >= tdmr.usableEndHpa() ? null : tdmr;
    }

    /** Whether an address lies in the memory of a PAMT. */
    public boolean isPamtMemory(long hpa) {
        for (Tdmr tdmr : tdmrs) {
            if (tdmr.isPamtMemory(hpa)) {
                return true;
            }
        }
        return false;
    }
}
