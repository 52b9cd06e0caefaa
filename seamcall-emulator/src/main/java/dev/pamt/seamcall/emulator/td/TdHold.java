package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;

/**
 * A TD that a call holds: the lock of its root page, and that of its operation state if the leaf takes it.
 *
 * <p>Belongs to one call. {@link TdAccess} fills it in; {@link #release} gives back what is held and may be called on a
 * hold that holds nothing.
 */
public final class TdHold {
    private final PamtWalk explicit = new PamtWalk();
    private ImplicitEntry implicit;
    private LockMode implicitMode;
    private boolean opStateShared;
    private Td td;

    /** Makes a hold of nothing. */
    public TdHold() {}

    /** A TD that a vCPU inside keeps in place: there is nothing to release. */
    public static TdHold of(Td td) {
        TdHold hold = new TdHold();
        hold.td = td;
        return hold;
    }

    /** The TD that is held. */
    public Td td() {
        return td;
    }

    PamtWalk explicit() {
        return explicit;
    }

    void setTd(Td held) {
        td = held;
    }

    void setImplicit(ImplicitEntry leaf, LockMode mode) {
        implicit = leaf;
        implicitMode = mode;
    }

    void setOpStateShared() {
        opStateShared = true;
    }

    /** Gives the lock of the operation state back; the root page stays held. */
    public void releaseOpState() {
        if (opStateShared) {
            opStateShared = false;
            HostPriorityLock.releaseShared(td.locks(), Td.OP_STATE_LOCK);
        }
    }

    /** Gives everything back. */
    public void release() {
        releaseOpState();
        if (implicit != null) {
            ImplicitEntry leaf = implicit;
            implicit = null;
            leaf.release(implicitMode);
        }
        explicit.release();
    }
}
