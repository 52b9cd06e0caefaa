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

/**
 * The leaves that take a TD's key away: MNG.VPFLUSHDONE, MNG.KEY.FREEID, MNG.KEY.RECLAIMID (TDX module 1.5.25; facts
 * 5.26).
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
        TdHold hold = new TdHold();
        long status = access.lock(hold, regs.rcx, TdxOperand.RCX, LockMode.EXCLUSIVE);
        if (status == 0) {
            status = kot.lock().acquireExclusive() ? block(hold.td()) : TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT);
        }
        hold.release();
        return status;
    }

    private long block(Td td) {
        long status = 0;
        if (td.lifecycle() != TdLifecycle.KEYS_CONFIGURED && td.lifecycle() != TdLifecycle.HKID_ASSIGNED) {
            status = TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        } else if (td.associatedVcpus() != 0) {
            status = TdxStatus.FLUSHVP_NOT_DONE.code();
        } else {
            timing.spend(SeamcallLeaf.MNG_VPFLUSHDONE);
            kot.setWriteBackPackages(td.hkid(), (1 << packages) - 1);
            kot.setState(td.hkid(), KeyOwnershipTable.State.FLUSHED);
            td.setLifecycle(TdLifecycle.BLOCKED);
        }
        kot.lock().releaseExclusive();
        return status;
    }

    /** MNG.KEY.FREEID: the key id can be used again. */
    long keyFreeId(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        TdHold hold = new TdHold();
        long status = access.lock(hold, regs.rcx, TdxOperand.RCX, LockMode.EXCLUSIVE);
        if (status == 0 && hold.td().lifecycle() != TdLifecycle.BLOCKED) {
            status = TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        }
        if (status == 0) {
            status = kot.lock().acquireExclusive() ? freeId(hold.td()) : TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT);
        }
        hold.release();
        return status;
    }

    private long freeId(Td td) {
        long status = 0;
        if (kot.writeBackPackages(td.hkid()) != 0) {
            status = TdxStatus.WBCACHE_NOT_COMPLETE.code();
        } else {
            timing.spend(SeamcallLeaf.MNG_KEY_FREEID);
            kot.setState(td.hkid(), KeyOwnershipTable.State.FREE);
            td.setLifecycle(TdLifecycle.TEARDOWN);
        }
        kot.lock().releaseExclusive();
        return status;
    }

    /** MNG.KEY.RECLAIMID: does nothing. */
    long keyReclaimId(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return 0;
    }
}
