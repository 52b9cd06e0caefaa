package dev.pamt.seamcall.emulator;

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
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.sept.SeptEntry;
import dev.pamt.seamcall.emulator.sept.SeptHandlers;
import dev.pamt.seamcall.emulator.sys.MetadataHandlers;
import dev.pamt.seamcall.emulator.sys.ShutdownHandlers;
import dev.pamt.seamcall.emulator.sys.SysHandlers;
import dev.pamt.seamcall.emulator.sys.SystemState;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdBuildHandlers;
import dev.pamt.seamcall.emulator.td.TdCreationHandlers;
import dev.pamt.seamcall.emulator.td.TdMetadataHandlers;
import dev.pamt.seamcall.emulator.td.TdTable;
import dev.pamt.seamcall.emulator.td.TdTeardownHandlers;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import dev.pamt.seamcall.emulator.vp.GuestSide;
import dev.pamt.seamcall.emulator.vp.VcpuEntry;
import dev.pamt.seamcall.emulator.vp.VcpuHandlers;
import dev.pamt.seamcall.emulator.vp.VcpuMetadataHandlers;
import dev.pamt.seamcall.emulator.vp.VcpuRunHandlers;
import dev.pamt.seamcall.emulator.vp.VcpuTable;
import java.util.List;

/**
 * The parts of one module, put together. Immutable; each part says how it is shared between threads.
 */
final class TdxModule {
    private final Machine machine;
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final KeyOwnershipTable kot;
    private final TdTable tds = new TdTable();
    private final VcpuTable vcpus = new VcpuTable();
    private final SeptHandlers sept;
    private final VcpuEntry vcpuEntry;
    private final GuestSide guestSide;
    private final Dispatcher dispatcher;

    /** Makes a module that was just loaded. */
    TdxModule(Machine machine, Cmrs cmrs, GuestProgram program, Dispatcher.FatalListener fatalListener) {
        this.machine = machine;
        tdmrs = new TdmrTable(machine, cmrs);
        pamt = new Pamt(machine, tdmrs);
        kot = new KeyOwnershipTable(machine.hpas().lastPrivateHkid() + 1);

        SystemState state = new SystemState();
        TdAccess access = new TdAccess(pamt, tds);
        sept = new SeptHandlers(machine, pamt, new PamtResize(machine, tdmrs, pamt), access);
        vcpuEntry = new VcpuEntry(machine, pamt, access, vcpus, sept.guestPages());
        guestSide = new GuestSide(machine, vcpuEntry, sept.guestPages());

        List<HandlerFamily> families = List.of(
                new SysHandlers(machine, state, tdmrs, kot),
                new MetadataHandlers(machine, cmrs),
                new ShutdownHandlers(state, vcpus::anyInside, machine.timing()),
                new PairHandlers(machine, tdmrs, pamt),
                new PageMetadataHandlers(machine, pamt),
                new PageReclaimHandlers(machine, pamt, tds, vcpus),
                new CacheHandlers(machine, pamt, kot),
                new TdCreationHandlers(machine, pamt, kot, tds),
                new TdBuildHandlers(machine, pamt, access, SeptEntry.FREE),
                new TdMetadataHandlers(machine, access),
                new TdTeardownHandlers(machine, access, kot),
                new VcpuHandlers(machine, pamt, access, vcpus),
                new VcpuMetadataHandlers(machine, pamt, access, vcpus),
                new VcpuRunHandlers(vcpuEntry, vcpus, guestSide, program),
                sept);
        dispatcher = new Dispatcher(state::ready, state::shutDown, families, fatalListener);
    }

    /** The memory of the machine, as the module reaches it. */
    SparseMemory memory() {
        return machine.memory();
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

    /** Secure EPT. */
    SeptHandlers sept() {
        return sept;
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
