package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The leaves that bring the module up: SYS.INIT, SYS.LP.INIT, SYS.CONFIG, SYS.KEY.CONFIG, SYS.TDMR.INIT (TDX module 1.5.25,
 * tdh_sys_init.c, tdh_sys_lp_init.c, tdh_sys_config.c, tdh_sys_key_config.c, tdh_sys_tdmr_init.c).
 *
 * <p>The counters of processors and packages change under the module-wide lock; processors share it, hence the atomic one.
 */
public final class SysHandlers implements HandlerFamily {
    private static final long HKID = 0xFFFF;
    private static final int DYNAMIC_PAMT_MAX_HKID_START_BIT = 48;

    private final Machine machine;
    private final SystemState state;
    private final TdmrTable tdmrs;
    private final KeyOwnershipTable kot;
    private final HpaRules hpas;
    private final Timing timing;
    private final AtomicInteger initialisedProcessors = new AtomicInteger();
    private int configuredPackages;

    /** Makes the leaves of a module that was just loaded. */
    public SysHandlers(Machine machine, SystemState state, TdmrTable tdmrs, KeyOwnershipTable kot) {
        this.machine = machine;
        this.state = state;
        this.tdmrs = tdmrs;
        this.kot = kot;
        hpas = machine.hpas();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.SYS_INIT, this::init,
                SeamcallLeaf.SYS_LP_INIT, this::lpInit,
                SeamcallLeaf.SYS_CONFIG, this::config,
                SeamcallLeaf.SYS_KEY_CONFIG, this::keyConfig,
                SeamcallLeaf.SYS_TDMR_INIT, this::tdmrInit);
    }

    /** SYS.INIT: RCX must be 0. */
    long init(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long attributes = regs.rcx;
        regs.rcx = 0;
        regs.rdx = 0;
        regs.r8 = 0;
        regs.r9 = 0;
        regs.r10 = 0;
        if (version > SeamcallLeaf.SYS_INIT.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        if (!state.lock().acquireExclusive()) {
            return TdxStatus.SYS_BUSY.code();
        }
        long status = 0;
        if (attributes != 0) {
            status = TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        } else if (state.stage() != SystemState.Stage.INIT_PENDING) {
            status = TdxStatus.SYS_INIT_NOT_PENDING.code();
        } else {
            timing.spend(SeamcallLeaf.SYS_INIT);
            state.advanceTo(SystemState.Stage.INIT_DONE);
        }
        state.lock().releaseExclusive();
        return status;
    }

    /** SYS.LP.INIT: once on each processor, after SYS.INIT. */
    long lpInit(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        regs.rcx = 0;
        regs.rdx = 0;
        regs.r8 = 0;
        if (!state.lock().acquireShared()) {
            return TdxStatus.SYS_BUSY.code();
        }
        long status = 0;
        if (state.stage() != SystemState.Stage.INIT_DONE) {
            status = TdxStatus.SYS_LP_INIT_NOT_PENDING.code();
        } else if (lp.initialised()) {
            status = TdxStatus.SYS_LP_INIT_DONE.code();
        } else {
            timing.spend(SeamcallLeaf.SYS_LP_INIT);
            lp.setInitialised();
            initialisedProcessors.incrementAndGet();
        }
        state.lock().releaseShared();
        return status;
    }

    /** SYS.CONFIG: the key id and the mode stay as given even if a TDMR is refused. */
    long config(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!state.lock().acquireExclusive()) {
            return TdxStatus.SYS_BUSY.code();
        }
        long status = configLocked(regs.rcx, regs.rdx, regs.r8);
        state.lock().releaseExclusive();
        return status;
    }

    private long configLocked(long infoArrayHpa, long count, long options) {
        if (state.stage() != SystemState.Stage.INIT_DONE || initialisedProcessors.get() < machine.processors()) {
            return TdxStatus.SYS_CONFIG_NOT_PENDING.code();
        }
        if (!hpas.isShared(infoArrayHpa, TdmrTable.INFO_ALIGNMENT)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (count < 1 || count > TdmrTable.MAX_TDMRS) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        long known = machine.dynamicPamt() ? HKID | Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : HKID;
        if ((options & ~known) != 0 || !hpas.isPrivate(options & HKID)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        boolean dynamicPamt = (options & Seamcalls.SYS_CONFIG_DYNAMIC_PAMT) != 0;
        kot.setState((int) (options & HKID), KeyOwnershipTable.State.RESERVED);
        tdmrs.setDynamicPamt(dynamicPamt);
        if (dynamicPamt && hpas.hkidStartBit() > DYNAMIC_PAMT_MAX_HKID_START_BIT) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        long status = tdmrs.configure(infoArrayHpa, (int) count);
        if (status == 0) {
            timing.spend(SeamcallLeaf.SYS_CONFIG);
            state.advanceTo(SystemState.Stage.CONFIG_DONE);
        }
        return status;
    }

    /** SYS.KEY.CONFIG: once on each package; the last one opens all leaves. */
    long keyConfig(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!state.lock().acquireExclusive()) {
            return TdxStatus.SYS_BUSY.code();
        }
        long status = keyConfigLocked(1 << lp.packageIndex());
        state.lock().releaseExclusive();
        return status;
    }

    private long keyConfigLocked(int packageBit) {
        if (state.stage() != SystemState.Stage.CONFIG_DONE) {
            return TdxStatus.SYS_KEY_CONFIG_NOT_PENDING.code();
        }
        if ((configuredPackages & packageBit) != 0) {
            return TdxStatus.KEY_CONFIGURED.code();
        }
        timing.spend(SeamcallLeaf.SYS_KEY_CONFIG);
        if (!machine.entropy().getAsBoolean()) {
            return TdxStatus.KEY_GENERATION_FAILED.code();
        }
        configuredPackages |= packageBit;
        if (Integer.bitCount(configuredPackages) == machine.packages()) {
            state.advanceTo(SystemState.Stage.READY);
        }
        return 0;
    }

    /** SYS.TDMR.INIT: the next step of one TDMR. */
    long tdmrInit(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        regs.rdx = 0;
        Tdmr tdmr = hpas.isAligned(regs.rcx, PageLevel.SIZE_1G.bytes()) ? tdmrs.beginningAt(regs.rcx) : null;
        if (tdmr == null) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (!tdmr.tryLockInit()) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = TdxStatus.TDMR_ALREADY_INITIALIZED.code();
        if (!tdmr.complete()) {
            timing.spend(SeamcallLeaf.SYS_TDMR_INIT);
            tdmr.initialiseStep(machine.memory());
            regs.rdx = tdmr.usableEndHpa();
            status = 0;
        }
        tdmr.unlockInit();
        return status;
    }
}
