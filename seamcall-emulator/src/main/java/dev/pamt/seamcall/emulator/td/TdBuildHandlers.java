package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
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
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves that make a TD out of its root page: MNG.KEY.CONFIG, MNG.ADDCX, MNG.INIT, MR.FINALIZE (TDX module 1.5.25,
 * tdh_mng_key_config.c, tdh_mng_add_cx.c, tdh_mng_init.c, tdh_mr_finalize.c). All hold the root page exclusively.
 */
public final class TdBuildHandlers implements HandlerFamily {
    private static final Set<OpState> BEFORE_INIT = EnumSet.of(OpState.UNINITIALIZED);
    private static final Set<OpState> WHILE_BUILT = EnumSet.of(OpState.INITIALIZED);
    private static final int MSR_BITMAPS_PAGE = 2;

    private final Machine machine;
    private final Pamt pamt;
    private final TdAccess access;
    private final long freeSeptEntry;
    private final SparseMemory memory;
    private final HpaRules hpas;
    private final Timing timing;

    /** Makes the leaves; a TD begins with a root page full of free Secure EPT entries. */
    public TdBuildHandlers(Machine machine, Pamt pamt, TdAccess access, long freeSeptEntry) {
        this.freeSeptEntry = freeSeptEntry;
        this.machine = machine;
        this.pamt = pamt;
        this.access = access;
        memory = machine.memory();
        hpas = machine.hpas();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MNG_KEY_CONFIG, this::keyConfig,
                SeamcallLeaf.MNG_ADDCX, this::addControlPage,
                SeamcallLeaf.MNG_INIT, this::initialise,
                SeamcallLeaf.MR_FINALIZE, this::finish);
    }

    /** MNG.KEY.CONFIG: once on each package. */
    long keyConfig(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(
                regs.rcx, TdxOperand.RCX, LockMode.EXCLUSIVE, hold -> keyConfig(hold.td(), 1 << lp.packageIndex()));
    }

    private long keyConfig(Td td, int packageBit) {
        if (td.lifecycle() != TdLifecycle.HKID_ASSIGNED) {
            return TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        }
        if ((td.keyPackages() & packageBit) != 0) {
            return TdxStatus.KEY_CONFIGURED.code();
        }
        timing.spend(SeamcallLeaf.MNG_KEY_CONFIG);
        if (!machine.entropy().getAsBoolean()) {
            return TdxStatus.KEY_GENERATION_FAILED.code();
        }
        td.addKeyPackage(packageBit);
        if (Integer.bitCount(td.keyPackages()) == machine.packages()) {
            td.setLifecycle(TdLifecycle.KEYS_CONFIGURED);
        }
        return 0;
    }

    /** MNG.ADDCX: one more control page. Its contents are overwritten before the last checks. */
    long addControlPage(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(
                regs.rdx, TdxOperand.RDX, LockMode.EXCLUSIVE, hold -> addControlPage(hold.td(), hold.page(), regs.rcx));
    }

    private long addControlPage(Td td, PamtWalk page, long hpa) {
        if (td.lifecycle() != TdLifecycle.KEYS_CONFIGURED) {
            return TdxStatus.TD_KEYS_NOT_CONFIGURED.code();
        }
        int number = td.controlPageCount();
        if (number == Td.MAX_CONTROL_PAGES) {
            return TdxStatus.TDCX_NUM_INCORRECT.code();
        }
        long status = pamt.lockPage(page, hpa, TdxOperand.RCX, LockMode.EXCLUSIVE, PageType.NDA);
        if (status != 0) {
            return status;
        }
        long filling = td.nextControlPageIsSeptRoot() ? freeSeptEntry : number == MSR_BITMAPS_PAGE ? -1 : 0;
        memory.fillPage(hpa, filling);
        timing.spend(SeamcallLeaf.MNG_ADDCX);
        if (number + 1 == Td.MIN_CONTROL_PAGES && !machine.entropy().getAsBoolean()) {
            return TdxStatus.RND_NO_ENTROPY.code();
        }
        if (td.opState() != OpState.UNINITIALIZED) {
            return TdxStatus.OP_STATE_INCORRECT.with(td.opState().code());
        }
        td.addControlPage(hpa);
        td.addChildPages(1);
        page.assign(PageType.TDCX, td.tdrHpa());
        return 0;
    }

    /** MNG.INIT. Bit 0 of RCX asks for event filters, which there are none of. */
    long initialise(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long tdrHpa = regs.rcx & ~1L;
        regs.rcx = 0;
        return access.run(
                tdrHpa, TdxOperand.RCX, LockMode.EXCLUSIVE, BEFORE_INIT, hold -> initialise(hold.td(), regs.rdx));
    }

    private long initialise(Td td, long paramsHpa) {
        if (!hpas.isShared(paramsHpa, TdParams.ALIGNMENT)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        long hpa = hpas.withoutHkid(paramsHpa);
        long status = TdParams.check(memory, hpa, td.controlPageCount());
        if (status == 0) {
            timing.spend(SeamcallLeaf.MNG_INIT);
            td.initialise(TdParams.read(memory, hpa));
        }
        return status;
    }

    /** MR.FINALIZE: the TD can run from here on. */
    long finish(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs.rcx, TdxOperand.RCX, LockMode.EXCLUSIVE, WHILE_BUILT, hold -> finish(hold.td()));
    }

    private long finish(Td td) {
        if (td.vcpus() == 0) {
            return TdxStatus.NO_VCPUS.code();
        }
        timing.spend(SeamcallLeaf.MR_FINALIZE);
        td.finish();
        return 0;
    }
}
