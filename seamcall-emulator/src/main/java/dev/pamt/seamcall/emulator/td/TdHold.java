package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;

/**
 * A TD that a call holds: the lock of its root page, that of its operation state and that of a page to be given to it, if
 * the leaf takes them.
 *
 * <p>Belongs to one call. {@link TdAccess} fills it in; {@link #release} gives back what is held and may be called on a
 * hold that holds nothing.
 */
public final class TdHold {
    private final PamtWalk explicit = new PamtWalk();
    private PamtWalk page;
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

    /** The page that the host gives to the TD, which holds nothing at first. */
    public PamtWalk page() {
        if (page == null) {
            page = new PamtWalk();
        }
        return page;
    }

    PamtWalk explicit() {
        return explicit;
    }

    void setTd(Td held) {
        td = held;
    }

    void setImplicit(ImplicitEntry root, LockMode mode) {
        implicit = root;
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
        if (page != null) {
            page.release();
        }
        releaseOpState();
        if (implicit != null) {
            ImplicitEntry held = implicit;
            implicit = null;
            held.release(implicitMode);
        }
        explicit.release();
    }
}
