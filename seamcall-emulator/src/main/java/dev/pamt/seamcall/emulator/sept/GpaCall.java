package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdHold;

/**
 * What one call on a guest address has found and holds: the TD, the Secure EPT tree, and the entry.
 *
 * <p>{@link SeptAccess#open} fills it in; {@link #release} gives back what is held, from the entry upwards.
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
