package dev.pamt.seamcall.emulator.td;

/** The operation state of a TD (OP_STATE). The states of migration are missing: nothing here leads to them. */
public enum OpState {
    /** Its control structure is being put together. */
    UNINITIALIZED(0),
    /** It is being built. */
    INITIALIZED(1),
    /** It can run. */
    RUNNABLE(2);

    private final int code;

    OpState(int code) {
        this.code = code;
    }

    /** The number of the state in statuses. */
    public int code() {
        return code;
    }

    /** Whether pages must be blocked and tracked before they change, since vCPUs may run. */
    public boolean tracksTlb() {
        return this == RUNNABLE;
    }
}
