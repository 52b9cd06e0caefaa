package dev.pamt.seamcall.emulator.vp;

/** What became of a guest's action. */
public enum ActionOutcome {
    /** It is done; a TDCALL has left its status in RAX. */
    DONE,
    /** It raised an exception in the guest. */
    EXCEPTION,
    /** It was interrupted and will go on where it was. */
    INTERRUPTED,
    /** It left the TD; the registers are those of VP.ENTER's return. */
    EXIT
}
