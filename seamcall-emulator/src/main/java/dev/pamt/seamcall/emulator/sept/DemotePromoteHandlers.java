package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtResize;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves that split a large page and merge small ones: MEM.PAGE.DEMOTE and MEM.PAGE.PROMOTE (TDX module 1.5.25,
 * tdh_mem_page_demote.c, tdh_mem_page_promote.c).
 *
 * <p>Both ask for interrupts before they commit. DEMOTE has overwritten the new Secure EPT page by then.
 */
final class DemotePromoteHandlers implements HandlerFamily {
    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule DEMOTE =
            GpaRule.sharing(BUILT_OR_RUNNING, 1, 2, LockMode.SHARED).with(GpaRule.Flag.FOR_ALL);
    private static final GpaRule PROMOTE = GpaRule.sharing(BUILT_OR_RUNNING, 1, 2, LockMode.EXCLUSIVE);
    private static final int ENTRIES = 512;

    private final SeptAccess access;
    private final L2Trees l2Trees;
    private final SparseMemory memory;
    private final Pamt pamt;
    private final PamtResize resize;
    private final Timing timing;

    DemotePromoteHandlers(Machine machine, SeptAccess access, L2Trees l2Trees, Pamt pamt, PamtResize resize) {
        this.access = access;
        this.l2Trees = l2Trees;
        this.pamt = pamt;
        this.resize = resize;
        memory = machine.memory();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MEM_PAGE_DEMOTE, this::demote,
                SeamcallLeaf.MEM_PAGE_PROMOTE, this::promote);
    }

    /** MEM.PAGE.DEMOTE. */
    long demote(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, DEMOTE, (call, registers) -> demoteAt(lp, call, registers));
    }

    private long demoteAt(LogicalProcessor lp, GpaCall call, SeamcallRegisters regs) {
        long[] septPages = {regs.r8, regs.r9, regs.r10, regs.r11};
        long status = checkDemotable(call, regs);
        if (status == 0) {
            status = lockSeptPages(call, septPages);
        }
        return status != 0 ? status : split(lp, call, septPages, regs);
    }

    private long checkDemotable(GpaCall call, SeamcallRegisters regs) {
        if (!call.state().isLeaf()) {
            return access.stateIncorrect(call, regs);
        }
        ImplicitEntry page = pamt.implicit(access.pageHpa(call), PageLevel.ofCode(call.level));
        return access.checkTracked(call, regs, page.bepoch());
    }

    private long lockSeptPages(GpaCall call, long[] septPages) {
        long status = lockSeptPage(call, septPages, 0);
        for (int vm = 1; vm <= call.td().params().l2Vms() && status == 0; vm++) {
            boolean aliased = SeptEntry.isAliased(call.entry, vm);
            if (septPages[vm] == L2Trees.NULL_PA) {
                status = aliased ? TdxStatus.L2_SEPT_PAGE_NOT_PROVIDED.with(L2Trees.operand(vm)) : 0;
            } else if (call.flag && !aliased) {
                septPages[vm] |= L2Trees.NOT_USED;
            } else {
                status = lockSeptPage(call, septPages, vm);
            }
        }
        return status;
    }

    private long lockSeptPage(GpaCall call, long[] septPages, int vm) {
        return pamt.lockPage(
                call.given(vm), pageOf(septPages, vm), L2Trees.operand(vm), LockMode.EXCLUSIVE, PageType.NDA);
    }

    /** The address of a page for a VM; bit 63, which the host may leave beside those of L2 VMs, is returned as given. */
    private static long pageOf(long[] septPages, int vm) {
        return vm == 0 ? septPages[vm] : septPages[vm] & ~L2Trees.NOT_USED;
    }

    private long split(LogicalProcessor lp, GpaCall call, long[] septPages, SeamcallRegisters regs) {
        Td td = call.td();
        PageLevel level = PageLevel.ofCode(call.level);
        fillWithSmallPages(call, septPages[0]);
        GpaCall[] l2 = new GpaCall[L2Trees.VMS];
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (!call.isGiven(vm)) {
                continue;
            }
            long status = askForInterrupt(lp, call, regs);
            if (status != 0) {
                return status;
            }
            l2[vm] = l2Trees.entry(call, vm);
            if (l2[vm].level != call.level) {
                return l2Trees.fail(l2[vm], vm, regs, TdxStatus.L2_SEPT_WALK_FAILED);
            }
            fillL2(call, l2[vm].entry, vm, pageOf(septPages, vm));
        }
        long status = askForInterrupt(lp, call, regs);
        if (status != 0) {
            return status;
        }
        timing.spend(SeamcallLeaf.MEM_PAGE_DEMOTE);
        status = resize.demote(access.pageHpa(call), level, regs.r12, regs.r13);
        if (status != 0) {
            return status;
        }
        long entry = SeptEntry.nonLeaf(access.withHkid(td, septPages[0]));
        for (int vm = 0; vm < L2Trees.VMS; vm++) {
            if (call.isGiven(vm)) {
                call.given(vm).assign(PageType.EPT, td.tdrHpa());
                td.addChildPages(1);
            }
            if (l2[vm] != null) {
                Words.sv(l2[vm].words, l2[vm].index, L2Entry.nonLeaf(access.withHkid(td, pageOf(septPages, vm))));
                entry |= SeptEntry.aliasBit(vm);
            }
        }
        call.publish(entry);
        regs.r9 = septPages[1];
        regs.r10 = septPages[2];
        regs.r11 = septPages[3];
        return 0;
    }

    private void fillWithSmallPages(GpaCall call, long septPage) {
        fill(
                call,
                septPage,
                SeptEntry.unlocked(SeptEntry.inState(call.entry, call.state().unblocked(), call.level)));
    }

    /** The small pages have the alias that the large page had; of a page that is accepted it is open again. */
    private void fillL2(GpaCall call, long l2Entry, int vm, long septPage) {
        if (!SeptEntry.isAliased(call.entry, vm)) {
            memory.fillPage(septPage, L2Entry.FREE);
        } else {
            fill(call, septPage, call.state().isPending() ? l2Entry : L2Entry.unblocked(l2Entry));
        }
    }

    private void fill(GpaCall call, long septPage, long small) {
        long stride = 1L << SeptAccess.shift(call.level - 1);
        long[] words = memory.page(septPage);
        for (int i = 0; i < ENTRIES; i++) {
            Words.so(words, i, small + i * stride);
        }
    }

    /** Gives way to an interrupt, or to a processor that wants the tree; RCX and RDX are then as they were. */
    private static long askForInterrupt(LogicalProcessor lp, GpaCall call, SeamcallRegisters regs) {
        TdxStatus status = lp.interruptPending()
                ? TdxStatus.INTERRUPTED_RESTARTABLE
                : call.treeWanted() ? TdxStatus.INTERRUPTED_BUSY : TdxStatus.SUCCESS;
        if (status != TdxStatus.SUCCESS) {
            regs.rcx = call.originalRcx;
            regs.rdx = call.originalRdx;
        }
        return status.code();
    }

    /** MEM.PAGE.PROMOTE, versions 0 and 1. Version 1 returns the L2 pages in R9 to R11; both remove them. */
    long promote(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        if (version > 0) {
            regs.r9 = L2Trees.NULL_PA;
            regs.r10 = L2Trees.NULL_PA;
            regs.r11 = L2Trees.NULL_PA;
        }
        if (version > SeamcallLeaf.MEM_PAGE_PROMOTE.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        return access.run(call, regs, PROMOTE, (opened, registers) -> promoteAt(lp, opened, version, registers));
    }

    private long promoteAt(LogicalProcessor lp, GpaCall call, int version, SeamcallRegisters regs) {
        long status = checkMergeable(lp, call, regs);
        return status != 0 ? status : merge(call, version, regs);
    }

    private long checkMergeable(LogicalProcessor lp, GpaCall call, SeamcallRegisters regs) {
        if (call.state() != SeptState.NL_MAPPED && call.state() != SeptState.NL_BLOCKED) {
            return access.stateIncorrect(call, regs);
        }
        long septPage = access.pageHpa(call);
        if (!access.lockSeptPage(call, 0, septPage)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = access.checkTracked(call, regs, call.known(0).bepoch());
        if (status != 0) {
            return status;
        }
        if (!isUniform(memory.page(septPage), call.level)) {
            return access.fail(call, regs, TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS);
        }
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                status = askForInterrupt(lp, call, regs);
                if (status != 0) {
                    return status;
                }
                long l2Page = access.pageHpaOf(l2Trees.aliasEntry(call, vm).entry);
                if (!access.lockSeptPage(call, vm, l2Page)) {
                    return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
                }
                if (!isUniformL2(memory.pageOrNull(l2Page), call.level)) {
                    return access.fail(call, regs, TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS);
                }
            }
        }
        return askForInterrupt(lp, call, regs);
    }

    /** Whether 512 entries map the 4K or 2M pages of one larger page, all in one state and none of them locked. */
    private boolean isUniform(long[] words, int level) {
        long expected = mergeView(Words.lv(words, 0), level - 1);
        SeptState state = SeptState.of(expected);
        long alignment = 1L << SeptAccess.shift(level);
        boolean good = (state == SeptState.MAPPED || state == SeptState.PENDING)
                && (access.pageHpaOf(expected) & alignment - 1) == 0
                && !SeptEntry.isLocked(expected);
        long stride = 1L << SeptAccess.shift(level - 1);
        for (int i = 1; i < ENTRIES && good; i++) {
            expected += stride;
            good = mergeView(Words.lv(words, i), level - 1) == expected;
        }
        return good;
    }

    private static long mergeView(long entry, int level) {
        return SeptEntry.withoutHostPriority(SeptEntry.withoutCounter(entry, level));
    }

    /** Whether an L2 page has nothing in it, or 512 aliases that differ in their addresses only. */
    private boolean isUniformL2(long[] words, int level) {
        if (words == null) {
            return true;
        }
        long first = words[0];
        long alignment = 1L << SeptAccess.shift(level);
        boolean good =
                first == L2Entry.FREE || (SeptEntry.isLeaf(first) && (access.pageHpaOf(first) & alignment - 1) == 0);
        for (int i = 1; i < ENTRIES && good; i++) {
            good = SeptEntry.withHpa(words[i], 0) == SeptEntry.withHpa(first, 0);
        }
        return good;
    }

    private long merge(GpaCall call, int version, SeamcallRegisters regs) {
        Td td = call.td();
        long septPage = access.pageHpa(call);
        long first = mergeView(Words.lv(memory.page(septPage), 0), call.level - 1);
        timing.spend(SeamcallLeaf.MEM_PAGE_PROMOTE);
        PageLevel level = PageLevel.ofCode(call.level);
        long[] pair = new long[2];
        if (!resize.promote(access.pageHpaOf(first), level, pair)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (call.known(vm) != null) {
                GpaCall l2 = l2Trees.aliasEntry(call, vm);
                long l2Page = access.pageHpaOf(l2.entry);
                long[] small = memory.pageOrNull(l2Page);
                Words.sv(l2.words, l2.index, small == null ? L2Entry.FREE : small[0]);
                long hint = access.free(td, call.known(vm), PageLevel.SIZE_4K);
                if (version > 0) {
                    regs.set(L2Trees.operand(vm), l2Page | hint);
                }
            }
        }
        call.publish(first);
        regs.rcx = septPage | access.free(td, call.known(0), PageLevel.SIZE_4K);
        if (resize.usesPair(level)) {
            regs.r12 = pair[0];
            regs.r13 = pair[1];
        }
        return 0;
    }
}
