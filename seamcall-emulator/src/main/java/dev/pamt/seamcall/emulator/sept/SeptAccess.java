package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;

/**
 * The way from a guest address to its Secure EPT entry: checks, locks and walk, which nearly all MEM leaves have in common
 * (TDX module 1.5.25, helpers.c and sept_manager.c).
 */
final class SeptAccess {
    private static final long LEVEL = 7;
    private static final long RESERVED = 0xFF8 | -1L << 52;
    private static final long TDR_FLAGS = 0xFFF;
    private static final int LEVEL_BITS = 9;
    private static final int INDEX_MASK = 511;

    private final SparseMemory memory;
    private final Pamt pamt;
    private final TdAccess tds;
    private final HpaRules hpas;
    private final RacePoint.Listener racePoints;

    SeptAccess(Machine machine, Pamt pamt, TdAccess tds) {
        this.pamt = pamt;
        this.tds = tds;
        memory = machine.memory();
        hpas = machine.hpas();
        racePoints = machine.racePoints();
    }

    /** Starts a call: remembers RCX and RDX and zeroes them. */
    static GpaCall start(SeamcallRegisters regs) {
        GpaCall call = new GpaCall(regs.rcx, regs.rdx);
        regs.rcx = 0;
        regs.rdx = 0;
        return call;
    }

    /** What a leaf does with an entry that it has found and holds; returns the status. */
    @FunctionalInterface
    interface Action {
        long on(GpaCall call, SeamcallRegisters regs);
    }

    /** Runs a leaf: finds and locks the entry, acts on it if that succeeds, and releases what is held by then. */
    long run(SeamcallRegisters regs, GpaRule rule, Action action) {
        return run(start(regs), regs, rule, action);
    }

    /** Runs a leaf whose call was started before. */
    long run(GpaCall call, SeamcallRegisters regs, GpaRule rule, Action action) {
        long status = open(call, regs, rule);
        if (status == 0) {
            status = action.on(call, regs);
        }
        call.release();
        return status;
    }

    /** Locks the TD, the tree and the entry of a call; the status, or 0. What is held then is the call's to release. */
    private long open(GpaCall call, SeamcallRegisters regs, GpaRule rule) {
        long tdrHpa = call.originalRdx;
        if (rule.flag() != GpaRule.Flag.NONE) {
            if ((tdrHpa & TDR_FLAGS & ~1L) != 0 || tdrHpa >>> 52 != 0) {
                return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
            }
            call.flag = (tdrHpa & 1) != 0;
            tdrHpa &= ~1L;
        }
        boolean share = rule.tdr() == LockMode.SHARED;
        long status = openTd(call, tdrHpa, rule);
        if (status == 0
                && call.flag
                && rule.flag() == GpaRule.Flag.FOR_DEBUG
                && !call.td().params().debug()) {
            status = TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        if (status == 0) {
            status = checkGpa(call, rule);
        }
        if (status == 0 && share) {
            status = lockTree(call, rule.tree());
        }
        if (status == 0) {
            status = walk(call, regs);
        }
        if (status == 0 && share) {
            status = lockEntry(call, regs);
        }
        return status;
    }

    /** Locks the TD of a call and nothing else; the status, or 0. */
    long openTd(GpaCall call, GpaRule rule) {
        return openTd(call, call.originalRdx, rule);
    }

    private long openTd(GpaCall call, long tdrHpa, GpaRule rule) {
        long status = tds.lock(call.hold, tdrHpa, TdxOperand.RDX, rule.tdr());
        return status != 0 ? status : tds.checkState(call.hold, rule.opStates(), rule.tdr() == LockMode.SHARED);
    }

    private long checkGpa(GpaCall call, GpaRule rule) {
        Td td = call.td();
        call.level = (int) (call.originalRcx & LEVEL);
        call.gpa = call.originalRcx & ~LEVEL;
        int highest = rule.highestLevel() == GpaRule.ROOT ? td.params().rootLevel() : rule.highestLevel();
        boolean good = call.level >= rule.lowestLevel()
                && call.level <= highest
                && (call.gpa & RESERVED) == 0
                && (call.gpa & (1L << shift(call.level)) - 1) == 0
                && isPrivate(td, call.gpa);
        return good ? 0 : TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
    }

    /** Whether a guest address is one of private memory. */
    boolean isPrivate(Td td, long gpa) {
        return gpa >>> Math.min(hpas.maxPaBits(), td.params().privateGpaBits()) == 0;
    }

    private static long lockTree(GpaCall call, LockMode mode) {
        long[] locks = call.td().locks();
        boolean held = mode == LockMode.SHARED
                ? HostPriorityLock.acquireShared(locks, Td.SEPT_TREE_LOCK)
                : HostPriorityLock.acquireExclusive(locks, Td.SEPT_TREE_LOCK);
        if (!held) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE);
        }
        call.treeHeld(mode);
        return 0;
    }

    private long walk(GpaCall call, SeamcallRegisters regs) {
        int asked = call.level;
        descend(call, 0, asked);
        if (call.level != asked) {
            describe(call, regs);
            return TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX);
        }
        return 0;
    }

    /** Walks down the tree of a VM until a level, or until there is no further down. */
    void descend(GpaCall call, int vm, int downTo) {
        long table = call.td().septRootHpa(vm);
        call.level = call.td().params().rootLevel();
        while (true) {
            call.index = indexOf(call.gpa, call.level);
            call.words = memory.page(table);
            call.entry = Words.lv(call.words, call.index);
            if (call.level == downTo || !SeptEntry.isPresent(call.entry) || SeptEntry.isLeaf(call.entry)) {
                return;
            }
            table = hpas.withoutHkid(SeptEntry.hpa(call.entry));
            call.level--;
        }
    }

    /**
     * The address of the entry where a walk of the TD's own tree ends, for a test harness: no lock is taken, and an entry
     * that is blocked does not end it.
     */
    long entryHpa(Td td, long gpa, int downTo) {
        long table = td.septRootHpa(0);
        for (int level = td.rootLevel(); ; level--) {
            long entryHpa = table + (long) indexOf(gpa, level) * Long.BYTES;
            long entry = memory.read64(entryHpa);
            if (level == downTo || SeptEntry.isFree(entry) || SeptEntry.isLeaf(entry)) {
                return entryHpa;
            }
            table = pageHpaOf(entry);
        }
    }

    private long lockEntry(GpaCall call, SeamcallRegisters regs) {
        if (!SeptEntry.acquireByHost(call.words, call.index)) {
            return fail(call, regs, TdxStatus.OPERAND_BUSY);
        }
        call.entryHeld();
        call.entry = Words.lv(call.words, call.index);
        return 0;
    }

    /** Fails for the state of the entry, which the registers then describe. */
    long stateIncorrect(GpaCall call, SeamcallRegisters regs) {
        return fail(call, regs, TdxStatus.EPT_ENTRY_STATE_INCORRECT);
    }

    /** Fails with a description of the entry. */
    long fail(GpaCall call, SeamcallRegisters regs, TdxStatus status) {
        describe(call, regs);
        return status.with(TdxOperand.RCX);
    }

    /** Describes the entry in RCX and RDX. */
    void describe(GpaCall call, SeamcallRegisters regs) {
        regs.rcx = SeptEntry.architectural(call.entry, hpas.hkidMask());
        regs.rdx = SeptEntry.details(call.entry, call.level);
    }

    /** Whether an entry of this state must have been blocked and tracked before it changes. */
    static boolean mustBeTracked(GpaCall call) {
        return call.td().opState().tracksTlb() && call.state() != SeptState.FREE;
    }

    /** Checks that the entry is blocked and no processor can hold a translation through it; the status, or 0. */
    long checkTracked(GpaCall call, SeamcallRegisters regs, long bepoch) {
        if (!mustBeTracked(call)) {
            return 0;
        }
        if (!call.state().isBlocked()) {
            // Recorded: the half accepted page's counter, which other failures report, is not in this report.
            call.entry = SeptEntry.withoutCounter(call.entry, call.level);
            return fail(call, regs, TdxStatus.GPA_RANGE_NOT_BLOCKED);
        }
        return call.td().isTracked(bepoch) ? 0 : TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX);
    }

    /** The address of the page of an entry, without key id and without what else is kept in its bits. */
    long pageHpa(GpaCall call) {
        return hpas.withoutHkid(SeptEntry.hpa(SeptEntry.withoutCounter(call.entry, call.level)));
    }

    /** Tries to lock the Secure EPT page that the tree of a VM leads to. */
    boolean lockSeptPage(GpaCall call, int vm, long page) {
        return call.acquireKnown(vm, pamt.implicit(page, PageLevel.SIZE_4K));
    }

    /** Takes a page from its TD; the removal hint if it was the last one of a region with a pair. */
    long free(Td td, ImplicitEntry page, PageLevel level) {
        td.addChildPages(-level.bytes() / PageLevel.SIZE_4K.bytes());
        page.free();
        racePoints.reached(RacePoint.PAGE_FREE_BUT_COUNTED);
        return page.uncount();
    }

    /** The address in an entry that leads to a Secure EPT page. */
    long pageHpaOf(long entry) {
        return hpas.withoutHkid(SeptEntry.hpa(entry));
    }

    /** An address with the key id of the TD, as entries hold it. */
    long withHkid(Td td, long hpa) {
        return hpa | (long) td.hkid() << hpas.hkidStartBit();
    }

    static int shift(int level) {
        return PageLevel.SIZE_4K.shift() + level * LEVEL_BITS;
    }

    static int indexOf(long gpa, int level) {
        return (int) (gpa >>> shift(level)) & INDEX_MASK;
    }
}
