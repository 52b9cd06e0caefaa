package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import java.util.Set;
import java.util.function.ToLongFunction;

/** Finds, locks and checks the TD that a call is about. */
public final class TdAccess {
    private final Pamt pamt;
    private final TdTable tds;

    /** Makes the access to the TDs of a module. */
    public TdAccess(Pamt pamt, TdTable tds) {
        this.pamt = pamt;
        this.tds = tds;
    }

    /** Runs a leaf: locks the TD whose root page the host names, acts if that succeeds, and releases what is held by then. */
    public long run(long tdrHpa, TdxOperand operand, LockMode mode, ToLongFunction<TdHold> action) {
        TdHold hold = new TdHold();
        long status = lock(hold, tdrHpa, operand, mode);
        if (status == 0) {
            status = action.applyAsLong(hold);
        }
        hold.release();
        return status;
    }

    /** Runs a leaf on a TD that must be in one of some states; a leaf that shares the TD holds the state, too. */
    public long run(
            long tdrHpa, TdxOperand operand, LockMode mode, Set<OpState> allowed, ToLongFunction<TdHold> action) {
        return run(tdrHpa, operand, mode, hold -> {
            long status = checkState(hold, allowed, mode == LockMode.SHARED);
            return status != 0 ? status : action.applyAsLong(hold);
        });
    }

    /** Locks the TD whose root page the host names; the status, or 0. */
    public long lock(TdHold hold, long tdrHpa, TdxOperand operand, LockMode mode) {
        long status = pamt.lockPage(hold.explicit(), tdrHpa, operand, mode, PageType.TDR);
        if (status == 0) {
            hold.setTd(tds.at(tdrHpa));
        }
        return status;
    }

    /** Locks the TD that owns a page which the call holds already; the status, or 0. */
    public long lockOwner(TdHold hold, long tdrHpa, LockMode mode) {
        ImplicitEntry root = pamt.implicit(tdrHpa, PageLevel.SIZE_4K);
        if (!root.acquire(mode)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR);
        }
        hold.setImplicit(root, mode);
        hold.setTd(tds.at(tdrHpa));
        return 0;
    }

    /**
     * Checks that the TD has keys and control pages and is in a state that the leaf allows; the status, or 0.
     *
     * @param allowed the states
     * @param shareOpState whether the leaf holds the operation state shared; with the root page held exclusively it need
     *     not
     */
    public long checkState(TdHold hold, Set<OpState> allowed, boolean shareOpState) {
        Td td = hold.td();
        if (td.lifecycle() != TdLifecycle.KEYS_CONFIGURED) {
            return TdxStatus.TD_KEYS_NOT_CONFIGURED.code();
        }
        if (td.controlPageCount() < Td.MIN_CONTROL_PAGES) {
            return TdxStatus.TDCS_NOT_ALLOCATED.code();
        }
        if (shareOpState) {
            if (!HostPriorityLock.acquireShared(td.locks(), Td.OP_STATE_LOCK)) {
                return TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE);
            }
            hold.setOpStateShared();
        }
        OpState state = td.opState();
        return allowed.contains(state) ? 0 : TdxStatus.OP_STATE_INCORRECT.with(state.code());
    }
}
