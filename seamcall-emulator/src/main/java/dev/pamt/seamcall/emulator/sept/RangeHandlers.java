package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves by which the host keeps a TD off a range of its addresses until no processor can reach it: MEM.RANGE.BLOCK,
 * MEM.RANGE.UNBLOCK, MEM.TRACK (TDX module 1.5.25, tdh_mem_range_block.c, tdh_mem_range_unblock.c, tdh_mem_track.c).
 */
final class RangeHandlers implements HandlerFamily {
    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule RULE = GpaRule.sharing(BUILT_OR_RUNNING, 0, GpaRule.ROOT, LockMode.EXCLUSIVE);

    private final SeptAccess access;
    private final L2Trees l2Trees;
    private final TdAccess tds;
    private final Pamt pamt;
    private final Timing timing;

    RangeHandlers(Machine machine, SeptAccess access, L2Trees l2Trees, TdAccess tds, Pamt pamt) {
        this.access = access;
        this.l2Trees = l2Trees;
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
        return access.run(regs, RULE, this::blockAt);
    }

    private long blockAt(GpaCall call, SeamcallRegisters regs) {
        SeptState blocked = call.state().blocked();
        if (blocked == null) {
            return call.state().isBlocked()
                    ? access.fail(call, regs, TdxStatus.GPA_RANGE_ALREADY_BLOCKED)
                    : access.stateIncorrect(call, regs);
        }
        timing.spend(SeamcallLeaf.MEM_RANGE_BLOCK);
        ImplicitEntry page = pageOf(call);
        call.publish(SeptEntry.inState(call.entry, blocked, call.level));
        l2Trees.updateAliases(call, L2Entry::blocked);
        page.setBepoch(call.td().epoch());
        return 0;
    }

    /** MEM.RANGE.UNBLOCK. */
    long unblock(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, RULE, this::unblockAt);
    }

    private long unblockAt(GpaCall call, SeamcallRegisters regs) {
        SeptState state = call.state();
        if (!state.isBlocked()) {
            return access.stateIncorrect(call, regs);
        }
        if (SeptAccess.mustBeTracked(call) && !call.td().isTracked(pageOf(call).bepoch())) {
            return TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX);
        }
        timing.spend(SeamcallLeaf.MEM_RANGE_UNBLOCK);
        if (!state.isPending()) {
            l2Trees.updateAliases(call, L2Entry::unblocked);
        }
        call.publish(SeptEntry.inState(call.entry, state.unblocked(), call.level));
        return 0;
    }

    private ImplicitEntry pageOf(GpaCall call) {
        PageLevel level = call.state().isLeaf() ? PageLevel.ofCode(call.level) : PageLevel.SIZE_4K;
        return pamt.implicit(access.pageHpa(call), level);
    }

    /** MEM.TRACK: begins an epoch, once no vCPU is inside since the one before the last. */
    long track(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return tds.run(regs.rcx, TdxOperand.RCX, LockMode.SHARED, BUILT_OR_RUNNING, hold -> track(hold.td()));
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
