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
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.OpState;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * The leaves that add, remove and read Secure EPT pages and entries: MEM.SEPT.ADD, MEM.SEPT.REMOVE, MEM.SEPT.RD (TDX module
 * 1.5.25; facts 5.11, 5.12, 5.27).
 */
final class SeptPageHandlers implements HandlerFamily {
    /** No page. */
    static final long NULL_PA = -1;

    /** The number of VMs in a TD, its own among them. */
    static final int VMS = 4;

    /** Beside an address: the page was not used. */
    static final long NOT_USED = 1L << 63;

    private static final Set<OpState> BUILT_OR_RUNNING = EnumSet.of(OpState.INITIALIZED, OpState.RUNNABLE);
    private static final GpaRule ADD =
            GpaRule.sharing(BUILT_OR_RUNNING, 1, GpaRule.ROOT, LockMode.SHARED).with(GpaRule.Flag.FOR_ALL);
    private static final GpaRule REMOVE = GpaRule.sharing(BUILT_OR_RUNNING, 1, GpaRule.ROOT, LockMode.EXCLUSIVE);
    private static final GpaRule READ =
            GpaRule.sharing(BUILT_OR_RUNNING, 0, GpaRule.ROOT, LockMode.SHARED).with(GpaRule.Flag.FOR_DEBUG);
    /** The attributes that SEPT.RD returns for a VM that has an L2 page at the entry. */
    private static final long L2_NON_LEAF_ATTRIBUTES = 0x800F;

    private static final int L2_ATTRIBUTES_BITS = 16;
    private static final int L2_WALK_OF_ALIAS = 15;
    private static final int L2_ENTRY_OF_ALIAS = 16;
    private static final int ENTRIES = 512;

    private final SeptAccess access;
    private final SparseMemory memory;
    private final Pamt pamt;
    private final Timing timing;
    private final RacePoint.Listener racePoints;

    SeptPageHandlers(Machine machine, SeptAccess access, Pamt pamt) {
        this.access = access;
        this.pamt = pamt;
        memory = machine.memory();
        timing = machine.timing();
        racePoints = machine.racePoints();
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
        long status = access.open(call, regs, ADD);
        if (status == 0) {
            status = addition.lockPages(regs);
        }
        if (status == 0) {
            timing.spend(SeamcallLeaf.MEM_SEPT_ADD);
            status = addition.commit(lp, regs);
        }
        addition.finish(regs);
        call.release();
        return status;
    }

    /** One MEM.SEPT.ADD: the pages it was given, and the entries that will lead to them. */
    private final class Addition {
        private final GpaCall call;
        private final int version;
        private final long[] pages = {NULL_PA, NULL_PA, NULL_PA, NULL_PA};
        private final PamtWalk[] walks = new PamtWalk[VMS];
        private final GpaCall[] l2 = new GpaCall[VMS];
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
            for (int vm = 0; vm < VMS; vm++) {
                pages[vm] = pages[vm] == NULL_PA ? NULL_PA : pages[vm] & ~NOT_USED;
            }
        }

        long lockPages(SeamcallRegisters regs) {
            SeptState state = call.state();
            if (state != SeptState.FREE && state != SeptState.NL_MAPPED) {
                return access.stateIncorrect(call, regs);
            }
            long status = 0;
            if (pages[0] == NULL_PA) {
                if (version == 0) {
                    return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
                }
                status = state == SeptState.NL_MAPPED ? 0 : access.stateIncorrect(call, regs);
            } else if (state == SeptState.FREE) {
                status = lockPage(0);
            } else if (call.flag) {
                pages[0] |= NOT_USED;
            } else {
                status = access.stateIncorrect(call, regs);
            }
            for (int vm = 1; vm < VMS && status == 0; vm++) {
                if (pages[vm] != NULL_PA) {
                    status = lockL2Page(vm, regs);
                }
            }
            return status;
        }

        private long lockPage(int vm) {
            walks[vm] = new PamtWalk();
            return pamt.lockPage(walks[vm], pages[vm], operand(vm), LockMode.EXCLUSIVE, PageType.NDA);
        }

        private long lockL2Page(int vm, SeamcallRegisters regs) {
            if (vm > call.td().params().l2Vms()) {
                return TdxStatus.OPERAND_INVALID.with(operand(vm));
            }
            l2[vm] = l2Entry(call, vm);
            if (l2[vm].level != call.level) {
                return failL2(l2[vm], vm, regs, TdxStatus.L2_SEPT_WALK_FAILED);
            }
            if (l2[vm].entry == SeptEntry.L2_FREE) {
                return lockPage(vm);
            }
            if (call.flag) {
                pages[vm] |= NOT_USED;
                return 0;
            }
            return failL2(l2[vm], vm, regs, TdxStatus.L2_SEPT_ENTRY_NOT_FREE);
        }

        long commit(LogicalProcessor lp, SeamcallRegisters regs) {
            long entry = call.entry;
            long status = 0;
            for (int vm = 0; vm < VMS && status == 0; vm++) {
                if (walks[vm] == null) {
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
            memory.fillPage(pages[vm], vm == 0 ? SeptEntry.free() : SeptEntry.L2_FREE);
            walks[vm].assignFresh(PageType.EPT, td.tdrHpa());
            td.addChildPages(1);
            long page = access.withHkid(td, pages[vm]);
            pages[vm] = NULL_PA;
            added = true;
            if (vm == 0) {
                return SeptEntry.nonLeaf(page);
            }
            Words.sv(l2[vm].words, l2[vm].index, SeptEntry.l2NonLeaf(page));
            return entry | SeptEntry.aliasBit(vm);
        }

        void finish(SeamcallRegisters regs) {
            for (PamtWalk walk : walks) {
                if (walk != null) {
                    walk.release();
                }
            }
            if (version > 0) {
                regs.r8 = pages[0];
                regs.r9 = pages[1];
                regs.r10 = pages[2];
                regs.r11 = pages[3];
            }
        }
    }

    /** The operand of the page that is given for a VM. */
    static TdxOperand operand(int vm) {
        return TdxOperand.ofId(TdxOperand.R8.id() + vm);
    }

    /** Walks the tree of an L2 VM to the level of a call. */
    GpaCall l2Entry(GpaCall call, int vm) {
        GpaCall l2 = new GpaCall(call);
        access.descend(l2, vm, call.level);
        return l2;
    }

    /** Fails with a description of the L2 entry; the status says VM and level. */
    long failL2(GpaCall l2, int vm, SeamcallRegisters regs, TdxStatus status) {
        regs.rcx = l2.entry == SeptEntry.L2_FREE ? 1L << 63 : l2.entry & (SeptEntry.READ_WRITE_EXECUTE | SeptEntry.XU);
        regs.rdx = (long) vm << 16 | (long) SeptEntry.l2Architectural(l2.entry) << 8 | l2.level;
        return status.with((long) vm << 16 | l2.level);
    }

    /** The entry of an L2 VM that the entry of a call has an alias in. */
    GpaCall aliasEntry(GpaCall call, int vm) {
        GpaCall l2 = l2Entry(call, vm);
        ModuleFatal.unless(l2.level == call.level, L2_WALK_OF_ALIAS);
        ModuleFatal.unless(l2.entry != SeptEntry.L2_FREE, L2_ENTRY_OF_ALIAS);
        return l2;
    }

    /** MEM.SEPT.REMOVE, versions 0 and 1. Version 1 returns the L2 pages in R9 to R11; both remove them. */
    long remove(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        if (version > 0) {
            regs.r9 = NULL_PA;
            regs.r10 = NULL_PA;
            regs.r11 = NULL_PA;
        }
        if (version > SeamcallLeaf.MEM_SEPT_REMOVE.maxVersion()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        ImplicitEntry[] leaves = new ImplicitEntry[VMS];
        long status = access.open(call, regs, REMOVE);
        if (status == 0) {
            status = removeAt(call, leaves, version, regs);
        }
        for (ImplicitEntry leaf : leaves) {
            if (leaf != null) {
                leaf.release(LockMode.EXCLUSIVE);
            }
        }
        call.release();
        return status;
    }

    private long removeAt(GpaCall call, ImplicitEntry[] leaves, int version, SeamcallRegisters regs) {
        if (call.state() != SeptState.NL_MAPPED && call.state() != SeptState.NL_BLOCKED) {
            return access.stateIncorrect(call, regs);
        }
        long page = access.pageHpa(call);
        if (!lock(leaves, 0, page)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = access.checkTracked(call, regs, leaves[0].bepoch());
        if (status != 0) {
            return status;
        }
        long[] entries = memory.page(page);
        for (int i = 0; i < ENTRIES; i++) {
            if (SeptState.of(Words.lv(entries, i)) != SeptState.FREE) {
                return access.fail(call, regs, TdxStatus.EPT_PAGE_NOT_FREE);
            }
        }
        GpaCall[] l2 = new GpaCall[VMS];
        for (int vm = 1; vm < VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                l2[vm] = aliasEntry(call, vm);
                if (!lock(leaves, vm, access.pageHpaOf(l2[vm].entry))) {
                    return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
                }
            }
        }
        timing.spend(SeamcallLeaf.MEM_SEPT_REMOVE);
        for (int vm = VMS - 1; vm > 0; vm--) {
            if (l2[vm] != null) {
                long l2Page = access.pageHpaOf(l2[vm].entry);
                Words.sv(l2[vm].words, l2[vm].index, SeptEntry.L2_FREE);
                long hint = free(call.td(), leaves[vm]);
                if (version > 0) {
                    regs.set(operand(vm), l2Page | hint);
                }
            }
        }
        call.publish(SeptEntry.free());
        regs.rcx = page | free(call.td(), leaves[0]);
        return 0;
    }

    private boolean lock(ImplicitEntry[] leaves, int vm, long page) {
        ImplicitEntry leaf = pamt.implicit(page, PageLevel.SIZE_4K);
        if (!leaf.acquire(LockMode.EXCLUSIVE)) {
            return false;
        }
        leaves[vm] = leaf;
        return true;
    }

    private long free(Td td, ImplicitEntry leaf) {
        td.addChildPages(-1);
        leaf.free();
        racePoints.reached(RacePoint.PAGE_FREE_BUT_COUNTED);
        return leaf.uncount();
    }

    /** MEM.SEPT.RD. Bit 0 of RDX asks for the attributes of the L2 VMs in R8, which only the host of a debuggable TD gets. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        GpaCall call = SeptAccess.start(regs);
        long status = access.open(call, regs, READ);
        if (status == 0) {
            timing.spend(SeamcallLeaf.MEM_SEPT_RD);
            access.describe(call, regs);
            if (call.flag) {
                regs.r8 = l2Attributes(call.entry);
            }
        }
        call.release();
        return status;
    }

    private static long l2Attributes(long entry) {
        long attributes = 0;
        for (int vm = 1; vm < VMS; vm++) {
            if (SeptEntry.isAliased(entry, vm)) {
                attributes |= L2_NON_LEAF_ATTRIBUTES << (vm * L2_ATTRIBUTES_BITS);
            }
        }
        return attributes;
    }
}
