package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves that give a TD private pages and take them away: MEM.PAGE.ADD, MEM.PAGE.AUG, MEM.PAGE.REMOVE,
 * MEM.PAGE.RELOCATE, and MR.EXTEND (TDX module 1.5.25, tdh_mem_page_add.c, tdh_mem_page_aug.c, tdh_mem_page_remove.c,
 * tdh_mem_page_relocate.c, tdh_mr_extend.c).
 */
final class PrivatePageHandlers implements HandlerFamily {
    private static final Set<OpState> WHILE_BUILT = EnumSet.of(OpState.INITIALIZED);
    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule ADD =
            new GpaRule(WHILE_BUILT, 0, 0, LockMode.EXCLUSIVE, LockMode.EXCLUSIVE, GpaRule.Flag.NONE);
    private static final GpaRule AUG = GpaRule.sharing(BUILT_OR_RUNNING, 0, 1, LockMode.SHARED);
    private static final GpaRule REMOVE = GpaRule.sharing(BUILT_OR_RUNNING, 0, 2, LockMode.SHARED);
    private static final GpaRule RELOCATE = GpaRule.sharing(BUILT_OR_RUNNING, 0, 0, LockMode.SHARED);
    private static final long PAGE = PageLevel.SIZE_4K.bytes();
    private static final long EXTEND_ALIGNMENT = 256;

    private final SeptAccess access;
    private final L2Trees l2Trees;
    private final Pamt pamt;
    private final SparseMemory memory;
    private final HpaRules hpas;
    private final Timing timing;
    private final RacePoint.Listener racePoints;

    PrivatePageHandlers(Machine machine, SeptAccess access, L2Trees l2Trees, Pamt pamt) {
        this.access = access;
        this.l2Trees = l2Trees;
        this.pamt = pamt;
        memory = machine.memory();
        hpas = machine.hpas();
        timing = machine.timing();
        racePoints = machine.racePoints();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MEM_PAGE_ADD, this::add,
                SeamcallLeaf.MEM_PAGE_AUG, this::aug,
                SeamcallLeaf.MEM_PAGE_REMOVE, this::remove,
                SeamcallLeaf.MEM_PAGE_RELOCATE, this::relocate,
                SeamcallLeaf.MR_EXTEND, this::extend);
    }

    /** MEM.PAGE.ADD. The root page is held exclusively, so neither tree nor entry is locked. */
    long add(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, ADD, this::addAt);
    }

    private long addAt(GpaCall call, SeamcallRegisters regs) {
        if (call.state() != SeptState.FREE) {
            return access.stateIncorrect(call, regs);
        }
        if (!hpas.isShared(regs.r9, PAGE)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R9);
        }
        long status = pamt.lockPage(call.given(), regs.r8, TdxOperand.R8, LockMode.EXCLUSIVE, PageType.NDA);
        if (status != 0) {
            return status;
        }
        Td td = call.td();
        memory.copyPage(hpas.withoutHkid(regs.r9), regs.r8);
        timing.spend(SeamcallLeaf.MEM_PAGE_ADD);
        Words.sv(call.words, call.index, SeptEntry.leaf(SeptState.MAPPED, access.withHkid(td, regs.r8)));
        td.addChildPages(1);
        call.given().assignFresh(PageType.REG, td.tdrHpa());
        return 0;
    }

    /** MEM.PAGE.AUG. Another processor can see the entry before the page is the TD's. */
    long aug(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, AUG, this::augAt);
    }

    private long augAt(GpaCall call, SeamcallRegisters regs) {
        if (call.state() != SeptState.FREE) {
            return access.stateIncorrect(call, regs);
        }
        PageLevel level = PageLevel.ofCode(call.level);
        long status = level == PageLevel.SIZE_4K
                ? pamt.lockPage(call.given(), regs.r8, TdxOperand.R8, LockMode.EXCLUSIVE, PageType.NDA)
                : pamt.lockFreeRegion(call.given(), regs.r8, TdxOperand.R8);
        if (status != 0) {
            return status;
        }
        Td td = call.td();
        timing.spend(SeamcallLeaf.MEM_PAGE_AUG);
        call.publish(SeptEntry.leaf(SeptState.PENDING, access.withHkid(td, regs.r8)));
        racePoints.reached(RacePoint.ENTRY_VISIBLE_PAGE_FREE);
        td.addChildPages(pagesIn(level));
        call.given().assignFresh(PageType.REG, td.tdrHpa());
        return 0;
    }

    /** MEM.PAGE.REMOVE. */
    long remove(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, REMOVE, this::removeAt);
    }

    private long removeAt(GpaCall call, SeamcallRegisters regs) {
        if (!call.state().isLeaf()) {
            return access.stateIncorrect(call, regs);
        }
        PageLevel level = PageLevel.ofCode(call.level);
        long page = access.pageHpa(call);
        if (!call.acquireKnown(0, pamt.implicit(page, level))) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = access.checkTracked(call, regs, call.known(0).bepoch());
        if (status == 0) {
            timing.spend(SeamcallLeaf.MEM_PAGE_REMOVE);
            l2Trees.updateAliases(call, entry -> L2Entry.FREE);
            call.publish(SeptEntry.FREE);
            regs.rcx = page | access.free(call.td(), call.known(0), level);
        }
        return status;
    }

    /** MEM.PAGE.RELOCATE. The old page is free well before it is uncounted. */
    long relocate(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, RELOCATE, this::relocateFrom);
    }

    private long relocateFrom(GpaCall call, SeamcallRegisters regs) {
        if (!call.state().isLeaf()) {
            return access.stateIncorrect(call, regs);
        }
        long old = access.pageHpa(call);
        if (old == regs.r8) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        if (!call.acquireKnown(0, pamt.implicit(old, PageLevel.SIZE_4K))) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = access.checkTracked(call, regs, call.known(0).bepoch());
        if (status == 0) {
            status = pamt.lockPage(call.given(), regs.r8, TdxOperand.R8, LockMode.EXCLUSIVE, PageType.NDA);
        }
        if (status == 0) {
            move(call, old, regs.r8);
            racePoints.reached(RacePoint.PAGE_FREE_BUT_COUNTED);
            regs.rcx = old | call.known(0).uncount();
        }
        return status;
    }

    private void move(GpaCall call, long oldHpa, long newHpa) {
        Td td = call.td();
        SeptState state = call.state().unblocked();
        if (!state.isPending()) {
            memory.copyPage(oldHpa, newHpa);
        }
        timing.spend(SeamcallLeaf.MEM_PAGE_RELOCATE);
        call.known(0).free();
        call.given().assignFresh(PageType.REG, td.tdrHpa());
        long hpaWithHkid = access.withHkid(td, newHpa);
        l2Trees.updateAliases(call, alias -> {
            long moved = SeptEntry.withHpa(alias, hpaWithHkid);
            return state.isPending() ? moved : L2Entry.unblocked(moved);
        });
        long entry = SeptEntry.withHpa(call.entry, hpaWithHkid);
        call.publish(SeptEntry.inState(entry, state, call.level));
    }

    /** MR.EXTEND. The measurement itself is not kept. */
    long extend(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        long status = access.openTd(call, ADD);
        if (status == 0) {
            status = extendAt(call, regs);
        }
        call.release();
        return status;
    }

    private long extendAt(GpaCall call, SeamcallRegisters regs) {
        if ((call.originalRcx & EXTEND_ALIGNMENT - 1) != 0 || !access.isPrivate(call.td(), call.originalRcx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        call.gpa = call.originalRcx;
        access.descend(call, 0, 0);
        if (!SeptEntry.isLeaf(call.entry) || !SeptEntry.isPresent(call.entry)) {
            return access.fail(call, regs, TdxStatus.EPT_ENTRY_NOT_PRESENT);
        }
        timing.spend(SeamcallLeaf.MR_EXTEND);
        return 0;
    }

    private static long pagesIn(PageLevel level) {
        return level.bytes() / PAGE;
    }
}
