package dev.pamt.seamcall;

/**
 * How a guest accesses memory, with the bits of an EPT violation's exit qualification.
 *
 * <p>Immutable and thread-safe.
 */
public enum AccessKind {
    /** Loading data, bit 0. */
    READ(1),
    /** Storing data, bit 1. */
    WRITE(2),
    /** Fetching instructions, bit 2. */
    EXECUTE(4);

    private final long qualification;

    AccessKind(long qualification) {
        this.qualification = qualification;
    }

    /**
     * What an EPT violation by such an access says of it.
     *
     * @return the bit of the exit qualification
     */
    public long qualification() {
        return qualification;
    }
}
