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
 * The leaves that add, remove and read Secure EPT pages and entries: MEM.SEPT.ADD, MEM.SEPT.REMOVE, MEM.SEPT.RD (TDX module
 * 1.5.25, tdh_mem_sept_add.c, tdh_mem_sept_remove.c, tdh_mem_sept_rd.c).
 */
final class SeptPageHandlers implements HandlerFamily {
    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule ADD =
            GpaRule.sharing(BUILT_OR_RUNNING, 1, GpaRule.ROOT, LockMode.SHARED).with(GpaRule.Flag.FOR_ALL);
    private static final GpaRule REMOVE = GpaRule.sharing(BUILT_OR_RUNNING, 1, GpaRule.ROOT, LockMode.EXCLUSIVE);
    private static final GpaRule READ =
            GpaRule.sharing(BUILT_OR_RUNNING, 0, GpaRule.ROOT, LockMode.SHARED).with(GpaRule.Flag.FOR_DEBUG);
    /** The attributes that SEPT.RD returns for a VM that has an L2 page at the entry. */
    private static final long L2_NON_LEAF_ATTRIBUTES = 0x800F;

    private static final int L2_ATTRIBUTES_BITS = 16;
    private static final int ENTRIES = 512;

    private final SeptAccess access;
    private final L2Trees l2Trees;
    private final SparseMemory memory;
    private final Pamt pamt;
    private final Timing timing;

    SeptPageHandlers(Machine machine, SeptAccess access, L2Trees l2Trees, Pamt pamt) {
        this.access = access;
        this.l2Trees = l2Trees;
        this.pamt = pamt;
        memory = machine.memory();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.MEM_SEPT_ADD, this::add,
                SeamcallLeaf.MEM_SEPT_REMOVE, this::remove,
                SeamcallLeaf.MEM_SEPT_RD, this::read);
    }

    /** MEM.SEPT.ADD, versions 0 and 1. Version 1 returns in R8 to R11 which pages were used. */
    long add(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        if (version > SeamcallLeaf.MEM_SEPT_ADD.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        Addition addition = new Addition(call, version, regs);
        long status = access.run(call, regs, ADD, (opened, registers) -> addition.run(lp, registers));
        addition.returnPages(regs);
        return status;
    }

    /** One MEM.SEPT.ADD: the pages it was given, and the entries that will lead to them. */
    private final class Addition {
        private final GpaCall call;
        private final int version;
        private final long[] pages = {L2Trees.NULL_PA, L2Trees.NULL_PA, L2Trees.NULL_PA, L2Trees.NULL_PA};
        private final GpaCall[] l2 = new GpaCall[L2Trees.VMS];
        private boolean added;

        Addition(GpaCall call, int version, SeamcallRegisters regs) {
            this.call = call;
            this.version = version;
            pages[0] = regs.r8;
            if (version > 0) {
                pages[1] = regs.r9;
                pages[2] = regs.r10;
                pages[3] = regs.r11;
            }
            for (int vm = 0; vm < L2Trees.VMS; vm++) {
                pages[vm] = pages[vm] == L2Trees.NULL_PA ? L2Trees.NULL_PA : pages[vm] & ~L2Trees.NOT_USED;
            }
        }

        long run(LogicalProcessor lp, SeamcallRegisters regs) {
            long status = lockPages(regs);
            if (status == 0) {
                timing.spend(SeamcallLeaf.MEM_SEPT_ADD);
                status = commit(lp, regs);
            }
            return status;
        }

        private long lockPages(SeamcallRegisters regs) {
            SeptState state = call.state();
            if (state != SeptState.FREE && state != SeptState.NL_MAPPED) {
                return access.stateIncorrect(call, regs);
            }
            long status = 0;
            if (pages[0] == L2Trees.NULL_PA) {
                if (version == 0) {
                    return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
                }
                status = state == SeptState.NL_MAPPED ? 0 : access.stateIncorrect(call, regs);
            } else if (state == SeptState.FREE) {
                status = lockPage(0);
            } else if (call.flag) {
                pages[0] |= L2Trees.NOT_USED;
            } else {
                status = access.stateIncorrect(call, regs);
            }
            for (int vm = 1; vm < L2Trees.VMS && status == 0; vm++) {
                if (pages[vm] != L2Trees.NULL_PA) {
                    status = lockL2Page(vm, regs);
                }
            }
            return status;
        }

        private long lockPage(int vm) {
            return pamt.lockPage(call.given(vm), pages[vm], L2Trees.operand(vm), LockMode.EXCLUSIVE, PageType.NDA);
        }

        private long lockL2Page(int vm, SeamcallRegisters regs) {
            if (vm > call.td().params().l2Vms()) {
                return TdxStatus.OPERAND_INVALID.with(L2Trees.operand(vm));
            }
            l2[vm] = l2Trees.entry(call, vm);
            if (l2[vm].level != call.level) {
                return l2Trees.fail(l2[vm], vm, regs, TdxStatus.L2_SEPT_WALK_FAILED);
            }
            if (l2[vm].entry == L2Entry.FREE) {
                return lockPage(vm);
            }
            if (call.flag) {
                pages[vm] |= L2Trees.NOT_USED;
                return 0;
            }
            return l2Trees.fail(l2[vm], vm, regs, TdxStatus.L2_SEPT_ENTRY_NOT_FREE);
        }

        private long commit(LogicalProcessor lp, SeamcallRegisters regs) {
            long entry = call.entry;
            long status = 0;
            for (int vm = 0; vm < L2Trees.VMS && status == 0; vm++) {
                if (!call.isGiven(vm)) {
                    continue;
                }
                if (added && lp.interruptPending()) {
                    status = TdxStatus.INTERRUPTED_RESUMABLE.code();
                } else if (added && call.treeWanted()) {
                    status = TdxStatus.INTERRUPTED_BUSY.code();
                } else {
                    entry = take(vm, entry);
                }
            }
            if (status != 0) {
                regs.rcx = call.originalRcx;
                regs.rdx = call.originalRdx;
            }
            call.publish(entry);
            return status;
        }

        private long take(int vm, long entry) {
            Td td = call.td();
            memory.fillPage(pages[vm], vm == 0 ? SeptEntry.FREE : L2Entry.FREE);
            call.given(vm).assignFresh(PageType.EPT, td.tdrHpa());
            td.addChildPages(1);
            long page = access.withHkid(td, pages[vm]);
            pages[vm] = L2Trees.NULL_PA;
            added = true;
            if (vm == 0) {
                return SeptEntry.nonLeaf(page);
            }
            Words.sv(l2[vm].words, l2[vm].index, L2Entry.nonLeaf(page));
            return entry | SeptEntry.aliasBit(vm);
        }

        void returnPages(SeamcallRegisters regs) {
            if (version > 0) {
                regs.r8 = pages[0];
                regs.r9 = pages[1];
                regs.r10 = pages[2];
                regs.r11 = pages[3];
            }
        }
    }

    /** MEM.SEPT.REMOVE, versions 0 and 1. Version 1 returns the L2 pages in R9 to R11; both remove them. */
    long remove(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        if (version > 0) {
            regs.r9 = L2Trees.NULL_PA;
            regs.r10 = L2Trees.NULL_PA;
            regs.r11 = L2Trees.NULL_PA;
        }
        if (version > SeamcallLeaf.MEM_SEPT_REMOVE.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        return access.run(call, regs, REMOVE, (opened, registers) -> removeAt(opened, version, registers));
    }

    private long removeAt(GpaCall call, int version, SeamcallRegisters regs) {
        if (call.state() != SeptState.NL_MAPPED && call.state() != SeptState.NL_BLOCKED) {
            return access.stateIncorrect(call, regs);
        }
        long page = access.pageHpa(call);
        if (!access.lockSeptPage(call, 0, page)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = access.checkTracked(call, regs, call.known(0).bepoch());
        if (status != 0) {
            return status;
        }
        long[] entries = memory.page(page);
        for (int i = 0; i < ENTRIES; i++) {
            if (SeptState.of(Words.lv(entries, i)) != SeptState.FREE) {
                return access.fail(call, regs, TdxStatus.EPT_PAGE_NOT_FREE);
            }
        }
        GpaCall[] l2 = new GpaCall[L2Trees.VMS];
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                l2[vm] = l2Trees.aliasEntry(call, vm);
                if (!access.lockSeptPage(call, vm, access.pageHpaOf(l2[vm].entry))) {
                    return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
                }
            }
        }
        timing.spend(SeamcallLeaf.MEM_SEPT_REMOVE);
        for (int vm = L2Trees.VMS - 1; vm > 0; vm--) {
            if (l2[vm] != null) {
                long l2Page = access.pageHpaOf(l2[vm].entry);
                Words.sv(l2[vm].words, l2[vm].index, L2Entry.FREE);
                long hint = access.free(call.td(), call.known(vm), PageLevel.SIZE_4K);
                if (version > 0) {
                    regs.set(L2Trees.operand(vm), l2Page | hint);
                }
            }
        }
        call.publish(SeptEntry.FREE);
        regs.rcx = page | access.free(call.td(), call.known(0), PageLevel.SIZE_4K);
        return 0;
    }

    /** MEM.SEPT.RD. Bit 0 of RDX asks for the attributes of the L2 VMs in R8, which only the host of a debuggable TD gets. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return access.run(regs, READ, this::readAt);
    }

    private long readAt(GpaCall call, SeamcallRegisters regs) {
        timing.spend(SeamcallLeaf.MEM_SEPT_RD);
        access.describe(call, regs);
        if (call.flag) {
            regs.r8 = l2Attributes(call);
        }
        return 0;
    }

    private long l2Attributes(GpaCall call) {
        long attributes = 0;
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                long ofVm = call.state().isLeaf()
                        ? L2Entry.attributes(l2Trees.aliasEntry(call, vm).entry)
                        : L2_NON_LEAF_ATTRIBUTES;
                attributes |= ofVm << (vm * L2_ATTRIBUTES_BITS);
            }
        }
        return attributes;
    }
}
