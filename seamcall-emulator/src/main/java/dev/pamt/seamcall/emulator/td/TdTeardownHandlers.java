package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * The leaves that take a TD's key away: MNG.VPFLUSHDONE, MNG.KEY.FREEID, MNG.KEY.RECLAIMID (TDX module 1.5.25,
 * tdh_mng_vpflushdone.c, tdh_mng_key_freeid.c, tdh_mng_key_reclaimid.c).
 */
public final class TdTeardownHandlers implements HandlerFamily {
    private final TdAccess access;
    private final KeyOwnershipTable kot;
    private final int packages;
    private final Timing timing;

    /** Makes the leaves. */
    public TdTeardownHandlers(Machine machine, TdAccess access, KeyOwnershipTable kot) {
        this.access = access;
        this.kot = kot;
        packages = machine.packages();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MNG_VPFLUSHDONE, this::vpFlushDone,
                SeamcallLeaf.MNG_KEY_FREEID, this::keyFreeId,
                SeamcallLeaf.MNG_KEY_RECLAIMID, this::keyReclaimId);
    }

    /**
     * MNG.VPFLUSHDONE: from here on the TD cannot run and its memory cannot be changed. All packages must write their caches
     * back, also those that never had the TD's key.
     */
    long vpFlushDone(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs.rcx, TdxOperand.RCX, LockMode.EXCLUSIVE, hold -> withKeyTable(hold.td(), this::block));
    }

    private long withKeyTable(Td td, ToLongFunction<Td> action) {
        if (!kot.lock().acquireExclusive()) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT);
        }
        long status = action.applyAsLong(td);
        kot.lock().releaseExclusive();
        return status;
    }

    private long block(Td td) {
        if (td.lifecycle() != TdLifecycle.KEYS_CONFIGURED && td.lifecycle() != TdLifecycle.HKID_ASSIGNED) {
            return TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        }
        if (td.associatedVcpus() != 0) {
            return TdxStatus.FLUSHVP_NOT_DONE.code();
        }
        timing.spend(SeamcallLeaf.MNG_VPFLUSHDONE);
        kot.setWriteBackPackages(td.hkid(), (1 << packages) - 1);
        kot.setState(td.hkid(), KeyOwnershipTable.State.FLUSHED);
        td.setLifecycle(TdLifecycle.BLOCKED);
        return 0;
    }

    /** MNG.KEY.FREEID: the key id can be used again. */
    long keyFreeId(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(
                regs.rcx,
                TdxOperand.RCX,
                LockMode.EXCLUSIVE,
                hold -> hold.td().lifecycle() == TdLifecycle.BLOCKED
                        ? withKeyTable(hold.td(), this::freeId)
                        : TdxStatus.LIFECYCLE_STATE_INCORRECT.code());
    }

    private long freeId(Td td) {
        if (kot.writeBackPackages(td.hkid()) != 0) {
            return TdxStatus.WBCACHE_NOT_COMPLETE.code();
        }
        timing.spend(SeamcallLeaf.MNG_KEY_FREEID);
        kot.setState(td.hkid(), KeyOwnershipTable.State.FREE);
        td.setLifecycle(TdLifecycle.TEARDOWN);
        return 0;
    }

    /** MNG.KEY.RECLAIMID: does nothing. */
    long keyReclaimId(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return 0;
    }
}
