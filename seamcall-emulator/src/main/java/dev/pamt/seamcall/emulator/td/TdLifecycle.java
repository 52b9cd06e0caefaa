package dev.pamt.seamcall.emulator.td;

/** The life cycle of a TD, as its root page keeps it. */
public enum TdLifecycle {
    /** It has a key id, which is not configured on all packages. */
    HKID_ASSIGNED,
    /** Its key is configured: the TD can be built and run. */
    KEYS_CONFIGURED,
    /** Its vCPUs are flushed: caches are being written back. */
    BLOCKED,
    /** Its key id is given back: its pages can be reclaimed. */
    TEARDOWN
}
