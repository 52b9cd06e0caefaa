package dev.pamt.seamcall.emulator.td;

/** The life cycle of a TD, as its root page keeps it. */
public enum TdLifecycle {
    /** It has a key id, which is not configured on all packages. */
    HKID_ASSIGNED(0),
    /** Its key is configured: the TD can be built and run. */
    KEYS_CONFIGURED(1),
    /** Its vCPUs are flushed: caches are being written back. */
    BLOCKED(2),
    /** Its key id is given back: its pages can be reclaimed. */
    TEARDOWN(3);

    private final int code;

    TdLifecycle(int code) {
        this.code = code;
    }

    /** The number of the state in the root page. */
    int code() {
        return code;
    }
}
