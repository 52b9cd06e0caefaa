package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;
import dev.pamt.seamcall.emulator.td.TdHold;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves by which the host keeps a TD off a range of its addresses until no processor can reach it: MEM.RANGE.BLOCK,
 * MEM.RANGE.UNBLOCK, MEM.TRACK (TDX module 1.5.25; facts 5.17).
 */
final class RangeHandlers implements HandlerFamily {
    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule RULE = GpaRule.sharing(BUILT_OR_RUNNING, 0, GpaRule.ROOT, LockMode.EXCLUSIVE);

    private final SeptAccess access;
    private final SeptPageHandlers pages;
    private final TdAccess tds;
    private final Pamt pamt;
    private final Timing timing;

    RangeHandlers(Machine machine, SeptAccess access, SeptPageHandlers pages, TdAccess tds, Pamt pamt) {
        this.access = access;
        this.pages = pages;
        this.tds = tds;
        this.pamt = pamt;
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MEM_RANGE_BLOCK, this::block,
                SeamcallLeaf.MEM_RANGE_UNBLOCK, this::unblock,
                SeamcallLeaf.MEM_TRACK, this::track);
    }

    /** MEM.RANGE.BLOCK. The epoch is stored after the entry is blocked, without a lock. */
    long block(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        long status = access.open(call, regs, RULE);
        if (status == 0) {
            status = blockAt(call, regs);
        }
        call.release();
        return status;
    }

    private long blockAt(GpaCall call, SeamcallRegisters regs) {
        SeptState blocked = call.state().blocked();
        if (blocked == null) {
            return call.state().isBlocked()
                    ? access.fail(call, regs, TdxStatus.GPA_RANGE_ALREADY_BLOCKED)
                    : access.stateIncorrect(call, regs);
        }
        timing.spend(SeamcallLeaf.MEM_RANGE_BLOCK);
        ImplicitEntry leaf = leafOf(call);
        call.publish(SeptEntry.inState(call.entry, blocked, call.level));
        setAliasesBlocked(call, true);
        leaf.setBepoch(call.td().epoch());
        return 0;
    }

    /** MEM.RANGE.UNBLOCK. */
    long unblock(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        long status = access.open(call, regs, RULE);
        if (status == 0) {
            status = unblockAt(call, regs);
        }
        call.release();
        return status;
    }

    private long unblockAt(GpaCall call, SeamcallRegisters regs) {
        SeptState state = call.state();
        if (!state.isBlocked()) {
            return access.stateIncorrect(call, regs);
        }
        if (SeptAccess.mustBeTracked(call) && !call.td().isTracked(leafOf(call).bepoch())) {
            return TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX);
        }
        timing.spend(SeamcallLeaf.MEM_RANGE_UNBLOCK);
        if (!state.isPending()) {
            setAliasesBlocked(call, false);
        }
        call.publish(SeptEntry.inState(call.entry, state.unblocked(), call.level));
        return 0;
    }

    private ImplicitEntry leafOf(GpaCall call) {
        PageLevel level = call.state().isLeaf() ? HpaRules.levelOf(call.level) : PageLevel.SIZE_4K;
        return pamt.implicit(access.pageHpa(call), level);
    }

    private void setAliasesBlocked(GpaCall call, boolean blocked) {
        for (int vm = 1; vm < SeptPageHandlers.VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                GpaCall l2 = pages.aliasEntry(call, vm);
                Words.sv(l2.words, l2.index, SeptEntry.l2NonLeaf(l2.entry, blocked));
            }
        }
    }

    /** MEM.TRACK: begins an epoch, once no vCPU is inside since the one before the last. */
    long track(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        TdHold hold = new TdHold();
        long status = tds.lock(hold, regs.rcx, TdxOperand.RCX, LockMode.SHARED);
        if (status == 0) {
            status = tds.checkState(hold, BUILT_OR_RUNNING, true);
        }
        if (status == 0) {
            status = track(hold.td());
        }
        hold.release();
        return status;
    }

    private long track(Td td) {
        if (!td.epochLock().acquireExclusive()) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.TD_EPOCH);
        }
        long status = 0;
        if (td.vcpusInEpoch(td.epoch() - 1) != 0) {
            status = TdxStatus.PREVIOUS_TLB_EPOCH_BUSY.code();
        } else {
            timing.spend(SeamcallLeaf.MEM_TRACK);
            td.beginEpoch(td.epoch() + 1);
        }
        td.epochLock().releaseExclusive();
        return status;
    }
}
