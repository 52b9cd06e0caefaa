package dev.pamt.seamcall.emulator.dispatch;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtLeaves;
import dev.pamt.seamcall.emulator.phymem.PageMetadata;
import dev.pamt.seamcall.emulator.phymem.PageReclaim;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Schedule;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.sys.GlobalMetadata;
import dev.pamt.seamcall.emulator.sys.SysLeaves;
import dev.pamt.seamcall.emulator.sys.SystemState;
import dev.pamt.seamcall.emulator.td.TdCreation;
import dev.pamt.seamcall.emulator.td.TdTable;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * The parts of one module, put together. Immutable; each part says how it is shared between threads.
 */
public final class ModuleCore {
    private final SparseMemory memory = new SparseMemory();
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final Dispatcher dispatcher;

    /** Makes a module that was just loaded. */
    public ModuleCore(
            Cmrs cmrs,
            HpaRules hpas,
            boolean dynamicPamtSupported,
            int processors,
            int packages,
            Timing timing,
            Schedule schedule,
            BooleanSupplier entropy,
            Dispatcher.FatalListener fatalListener) {
        SystemState state = new SystemState();
        tdmrs = new TdmrTable(memory, hpas, cmrs);
        pamt = new Pamt(memory, tdmrs, hpas, schedule);
        KeyOwnershipTable kot = new KeyOwnershipTable(hpas.lastPrivateHkid() + 1);
        TdTable tds = new TdTable();
        Map<SeamcallLeaf, LeafHandler> leaves = new EnumMap<>(SeamcallLeaf.class);

        SysLeaves sys = new SysLeaves(
                state, memory, tdmrs, kot, hpas, dynamicPamtSupported, processors, packages, entropy, timing);
        leaves.put(SeamcallLeaf.SYS_INIT, sys::init);
        leaves.put(SeamcallLeaf.SYS_LP_INIT, sys::lpInit);
        leaves.put(SeamcallLeaf.SYS_CONFIG, sys::config);
        leaves.put(SeamcallLeaf.SYS_KEY_CONFIG, sys::keyConfig);
        leaves.put(SeamcallLeaf.SYS_TDMR_INIT, sys::tdmrInit);
        leaves.put(SeamcallLeaf.SYS_RD, new GlobalMetadata(cmrs, hpas, dynamicPamtSupported)::read);

        PamtLeaves pair = new PamtLeaves(memory, tdmrs, pamt, hpas, timing);
        leaves.put(SeamcallLeaf.PHYMEM_PAMT_ADD, pair::add);
        leaves.put(SeamcallLeaf.PHYMEM_PAMT_REMOVE, pair::remove);
        leaves.put(SeamcallLeaf.PHYMEM_PAGE_RDMD, new PageMetadata(tdmrs, pamt, hpas, timing)::read);
        leaves.put(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, new PageReclaim(tdmrs, pamt, tds, hpas, timing)::reclaim);

        leaves.put(SeamcallLeaf.MNG_CREATE, new TdCreation(memory, pamt, kot, tds, hpas, entropy, timing)::create);

        dispatcher = new Dispatcher(state, leaves, fatalListener);
    }

    /** The memory of the machine, as the module reaches it. */
    public SparseMemory memory() {
        return memory;
    }

    /** The TDMRs. */
    public TdmrTable tdmrs() {
        return tdmrs;
    }

    /** The PAMT. */
    public Pamt pamt() {
        return pamt;
    }

    /** The door of the module. */
    public Dispatcher dispatcher() {
        return dispatcher;
    }
}
