package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import java.util.function.LongUnaryOperator;

/**
 * The Secure EPT trees of the L2 VMs of a TD, beside its own: operands, walks and descriptions (TDX module 1.5.25,
 * sept_manager.c; the numbers are its fatal error ids).
 */
final class L2Trees {
    /** No page. */
    static final long NULL_PA = -1;

    /** The number of VMs in a TD, its own among them. */
    static final int VMS = 4;

    /** Beside an address: the page was not used. */
    static final long NOT_USED = 1L << 63;

    private static final int WALK_OF_ALIAS = 15;
    private static final int ENTRY_OF_ALIAS = 16;

    private final SeptAccess access;

    L2Trees(SeptAccess access) {
        this.access = access;
    }

    /** The operand of the page that is given for a VM. */
    static TdxOperand operand(int vm) {
        return TdxOperand.ofId(TdxOperand.R8.id() + vm);
    }

    /** Walks the tree of an L2 VM to the level of a call. */
    GpaCall entry(GpaCall call, int vm) {
        GpaCall l2 = new GpaCall(call);
        access.descend(l2, vm, call.level);
        return l2;
    }

    /** The entry of an L2 VM that the entry of a call has an alias in. */
    GpaCall aliasEntry(GpaCall call, int vm) {
        GpaCall l2 = entry(call, vm);
        ModuleFatal.unless(l2.level == call.level, WALK_OF_ALIAS);
        ModuleFatal.unless(l2.entry != L2Entry.FREE, ENTRY_OF_ALIAS);
        return l2;
    }

    /** Changes the entries of all L2 VMs that the entry of a call has an alias in. */
    void updateAliases(GpaCall call, LongUnaryOperator change) {
        for (int vm = 1; vm < VMS; vm++) {
            if (SeptEntry.isAliased(call.entry, vm)) {
                GpaCall l2 = aliasEntry(call, vm);
                Words.sv(l2.words, l2.index, change.applyAsLong(l2.entry));
            }
        }
    }

    /** Fails with a description of the L2 entry; the status says VM and level. */
    long fail(GpaCall l2, int vm, SeamcallRegisters regs, TdxStatus status) {
        regs.rcx = L2Entry.shown(l2.entry);
        regs.rdx = (long) vm << 16 | (long) L2Entry.architectural(l2.entry) << 8 | l2.level;
        return status.with((long) vm << 16 | l2.level);
    }
}
