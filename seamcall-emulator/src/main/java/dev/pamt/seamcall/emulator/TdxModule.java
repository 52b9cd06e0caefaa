package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.emulator.dispatch.Dispatcher;
import dev.pamt.seamcall.emulator.guest.GuestProgram;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.PairHandlers;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtResize;
import dev.pamt.seamcall.emulator.phymem.CacheHandlers;
import dev.pamt.seamcall.emulator.phymem.PageMetadataHandlers;
import dev.pamt.seamcall.emulator.phymem.PageReclaimHandlers;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.sept.GuestPages;
import dev.pamt.seamcall.emulator.sept.SeptHandlers;
import dev.pamt.seamcall.emulator.sys.MetadataHandlers;
import dev.pamt.seamcall.emulator.sys.SysHandlers;
import dev.pamt.seamcall.emulator.sys.SystemState;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdBuildHandlers;
import dev.pamt.seamcall.emulator.td.TdCreationHandlers;
import dev.pamt.seamcall.emulator.td.TdTable;
import dev.pamt.seamcall.emulator.td.TdTeardownHandlers;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import dev.pamt.seamcall.emulator.vp.GuestSide;
import dev.pamt.seamcall.emulator.vp.VcpuEntry;
import dev.pamt.seamcall.emulator.vp.VcpuHandlers;
import dev.pamt.seamcall.emulator.vp.VcpuRunHandlers;
import dev.pamt.seamcall.emulator.vp.VcpuTable;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The parts of one module, put together. Immutable; each part says how it is shared between threads.
 */
final class TdxModule {
    private final SparseMemory memory = new SparseMemory();
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final KeyOwnershipTable kot;
    private final TdTable tds = new TdTable();
    private final VcpuTable vcpus = new VcpuTable();
    private final VcpuEntry vcpuEntry;
    private final GuestSide guestSide;
    private final Dispatcher dispatcher;

    /** Makes a module that was just loaded. */
    TdxModule(
            Cmrs cmrs,
            HpaRules hpas,
            boolean dynamicPamtSupported,
            int processors,
            int packages,
            Timing timing,
            RacePoint.Listener racePoints,
            BooleanSupplier entropy,
            LongSupplier nanoClock,
            GuestProgram program,
            Dispatcher.FatalListener fatalListener) {
        SystemState state = new SystemState();
        tdmrs = new TdmrTable(memory, hpas, cmrs);
        pamt = new Pamt(memory, tdmrs, hpas, racePoints);
        kot = new KeyOwnershipTable(hpas.lastPrivateHkid() + 1);
        Map<SeamcallLeaf, LeafHandler> leaves = new EnumMap<>(SeamcallLeaf.class);

        SysHandlers sys = new SysHandlers(
                state, memory, tdmrs, kot, hpas, dynamicPamtSupported, processors, packages, entropy, timing);
        leaves.put(SeamcallLeaf.SYS_INIT, sys::init);
        leaves.put(SeamcallLeaf.SYS_LP_INIT, sys::lpInit);
        leaves.put(SeamcallLeaf.SYS_CONFIG, sys::config);
        leaves.put(SeamcallLeaf.SYS_KEY_CONFIG, sys::keyConfig);
        leaves.put(SeamcallLeaf.SYS_TDMR_INIT, sys::tdmrInit);
        leaves.put(SeamcallLeaf.SYS_RD, new MetadataHandlers(cmrs, hpas, dynamicPamtSupported)::read);

        PairHandlers pair = new PairHandlers(memory, tdmrs, pamt, hpas, timing);
        leaves.put(SeamcallLeaf.PHYMEM_PAMT_ADD, pair::add);
        leaves.put(SeamcallLeaf.PHYMEM_PAMT_REMOVE, pair::remove);
        leaves.put(SeamcallLeaf.PHYMEM_PAGE_RDMD, new PageMetadataHandlers(tdmrs, pamt, hpas, timing)::read);
        leaves.put(
                SeamcallLeaf.PHYMEM_PAGE_RECLAIM,
                new PageReclaimHandlers(tdmrs, pamt, tds, vcpus, hpas, timing)::reclaim);
        CacheHandlers caches = new CacheHandlers(kot, pamt, hpas, packages, timing);
        leaves.put(SeamcallLeaf.PHYMEM_CACHE_WB, caches::writeBack);
        leaves.put(SeamcallLeaf.PHYMEM_PAGE_WBINVD, caches::pageWriteBack);

        leaves.put(
                SeamcallLeaf.MNG_CREATE, new TdCreationHandlers(memory, pamt, kot, tds, hpas, entropy, timing)::create);
        TdAccess access = new TdAccess(pamt, tds);
        TdBuildHandlers build = new TdBuildHandlers(memory, pamt, access, hpas, packages, entropy, timing);
        leaves.put(SeamcallLeaf.MNG_KEY_CONFIG, build::keyConfig);
        leaves.put(SeamcallLeaf.MNG_ADDCX, build::addControlPage);
        leaves.put(SeamcallLeaf.MNG_INIT, build::initialise);
        leaves.put(SeamcallLeaf.MR_FINALIZE, build::finish);
        TdTeardownHandlers teardown = new TdTeardownHandlers(access, kot, packages, timing);
        leaves.put(SeamcallLeaf.MNG_VPFLUSHDONE, teardown::vpFlushDone);
        leaves.put(SeamcallLeaf.MNG_KEY_FREEID, teardown::keyFreeId);
        leaves.put(SeamcallLeaf.MNG_KEY_RECLAIMID, teardown::keyReclaimId);

        VcpuHandlers vcpuLeaves = new VcpuHandlers(memory, pamt, access, vcpus, timing);
        leaves.put(SeamcallLeaf.VP_CREATE, vcpuLeaves::create);
        leaves.put(SeamcallLeaf.VP_ADDCX, vcpuLeaves::addPage);
        leaves.put(SeamcallLeaf.VP_INIT, vcpuLeaves::initialise);
        leaves.put(SeamcallLeaf.VP_FLUSH, vcpuLeaves::flush);

        PamtResize resize = new PamtResize(memory, tdmrs, pamt, hpas);
        SeptHandlers sept = new SeptHandlers(memory, pamt, resize, access, hpas, timing, racePoints);
        leaves.putAll(sept.handlers());

        GuestPages guestPages = sept.guestPages();
        vcpuEntry = new VcpuEntry(pamt, access, vcpus, guestPages::faultsOut, timing);
        guestSide = new GuestSide(vcpuEntry, guestPages, nanoClock);
        leaves.put(SeamcallLeaf.VP_ENTER, new VcpuRunHandlers(vcpuEntry, vcpus, guestSide, program)::enter);

        dispatcher = new Dispatcher(state, leaves, fatalListener);
    }

    /** The memory of the machine, as the module reaches it. */
    SparseMemory memory() {
        return memory;
    }

    /** The TDMRs. */
    TdmrTable tdmrs() {
        return tdmrs;
    }

    /** The PAMT. */
    Pamt pamt() {
        return pamt;
    }

    /** The key ownership table. */
    KeyOwnershipTable kot() {
        return kot;
    }

    /** The TDs. */
    TdTable tds() {
        return tds;
    }

    /** The vCPUs. */
    VcpuTable vcpus() {
        return vcpus;
    }

    /** The way into vCPUs. */
    VcpuEntry vcpuEntry() {
        return vcpuEntry;
    }

    /** What vCPUs can do inside. */
    GuestSide guestSide() {
        return guestSide;
    }

    /** The door of the module. */
    Dispatcher dispatcher() {
        return dispatcher;
    }
}
