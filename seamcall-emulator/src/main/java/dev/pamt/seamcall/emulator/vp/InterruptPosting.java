package dev.pamt.seamcall.emulator.vp;

/**
 * What a host sets in a vCPU to deliver interrupts: fields of the TD's VMCS, and the NMI that waits. Guests here take no
 * interrupts, so the fields are kept and nothing more.
 *
 * <p>Fields are volatile: two calls may touch one vCPU at once.
 */
final class InterruptPosting {
    /** The control that switches posted interrupts on. */
    static final long ENABLE = 1 << 7;

    private static final long NO_VECTOR = 0xFFFF;
    private static final long NO_DESCRIPTOR = -1;

    private volatile long vector = NO_VECTOR;
    private volatile long descriptorHpa = NO_DESCRIPTOR;
    private volatile long controls;
    private volatile long pendingNmi;

    InterruptPosting() {}

    boolean hasVector() {
        return vector != NO_VECTOR;
    }

    boolean hasDescriptor() {
        return descriptorHpa != NO_DESCRIPTOR;
    }

    /** The notification vector. */
    long vector() {
        return vector;
    }

    void setVector(long value) {
        vector = value;
    }

    /** The address of the posted-interrupt descriptor. */
    long descriptorHpa() {
        return descriptorHpa;
    }

    void setDescriptorHpa(long hpa) {
        descriptorHpa = hpa;
    }

    /** The pin-based controls that the host may write. */
    long controls() {
        return controls;
    }

    void setControls(long value) {
        controls = value;
    }

    /** Whether an NMI waits (PEND_NMI). */
    long pendingNmi() {
        return pendingNmi;
    }

    void setPendingNmi(long value) {
        pendingNmi = value;
    }
}
