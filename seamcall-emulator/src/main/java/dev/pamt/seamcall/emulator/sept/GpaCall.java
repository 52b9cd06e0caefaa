package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdHold;

/**
 * What one call on a guest address has found and holds: the TD, the Secure EPT tree, the entry, and the pages that come
 * and go with it, one for each VM.
 *
 * <p>{@link SeptAccess#open} fills it in; {@link #release} gives back what is held, from the pages upwards.
 */
final class GpaCall {
    final TdHold hold;
    final long originalRcx;
    final long originalRdx;
    long gpa;
    int level;
    boolean flag;
    long[] words;
    int index;
    long entry;
    private LockMode tree;
    private boolean entryHeld;
    private PamtWalk[] given;
    private ImplicitEntry[] known;

    GpaCall(long originalRcx, long originalRdx) {
        this(new TdHold(), originalRcx, originalRdx);
    }

    /** A walk on behalf of a guest, which holds nothing of its own. */
    GpaCall(Td td, long gpa) {
        this(TdHold.of(td), gpa, 0);
        this.gpa = gpa;
    }

    /** A second walk on behalf of a call, which keeps what it holds. */
    GpaCall(GpaCall call) {
        this(call.hold, call.originalRcx, call.originalRdx);
        gpa = call.gpa;
    }

    private GpaCall(TdHold hold, long originalRcx, long originalRdx) {
        this.hold = hold;
        this.originalRcx = originalRcx;
        this.originalRdx = originalRdx;
    }

    Td td() {
        return hold.td();
    }

    SeptState state() {
        return SeptState.of(entry);
    }

    void treeHeld(LockMode mode) {
        tree = mode;
    }

    void entryHeld() {
        entryHeld = true;
    }

    /** The page that the host gives for a VM, which holds nothing at first. */
    PamtWalk given(int vm) {
        if (given == null) {
            given = new PamtWalk[L2Trees.VMS];
        }
        if (given[vm] == null) {
            given[vm] = new PamtWalk();
        }
        return given[vm];
    }

    /** The page that the host gives for the TD itself. */
    PamtWalk given() {
        return given(0);
    }

    /** Whether the host gives a page for a VM. */
    boolean isGiven(int vm) {
        return given != null && given[vm] != null;
    }

    /** Tries to lock the page that the tree of a VM leads to, exclusively. */
    boolean acquireKnown(int vm, ImplicitEntry page) {
        if (!page.acquire(LockMode.EXCLUSIVE)) {
            return false;
        }
        if (known == null) {
            known = new ImplicitEntry[L2Trees.VMS];
        }
        known[vm] = page;
        return true;
    }

    /** The locked page that the tree of a VM leads to, or null. */
    ImplicitEntry known(int vm) {
        return known == null ? null : known[vm];
    }

    /** Puts a new value in place of the entry, which is not held any more. */
    void publish(long value) {
        entryHeld = false;
        SeptEntry.publish(words, index, value);
    }

    /** Whether another processor wants the tree exclusively. */
    boolean treeWanted() {
        return HostPriorityLock.hostPriority(td().locks(), Td.SEPT_TREE_LOCK);
    }

    void release() {
        for (int vm = 0; vm < L2Trees.VMS && given != null; vm++) {
            if (given[vm] != null) {
                given[vm].release();
            }
        }
        for (int vm = 0; vm < L2Trees.VMS && known != null; vm++) {
            if (known[vm] != null) {
                known[vm].release(LockMode.EXCLUSIVE);
            }
        }
        if (entryHeld) {
            entryHeld = false;
            SeptEntry.release(words, index);
        }
        if (tree == LockMode.SHARED) {
            HostPriorityLock.releaseShared(td().locks(), Td.SEPT_TREE_LOCK);
        } else if (tree == LockMode.EXCLUSIVE) {
            HostPriorityLock.releaseExclusive(td().locks(), Td.SEPT_TREE_LOCK);
        }
        tree = null;
        hold.release();
    }
}
