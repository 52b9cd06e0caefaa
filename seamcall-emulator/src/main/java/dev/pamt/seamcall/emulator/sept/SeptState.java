package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.emulator.platform.ModuleFatal;

/**
 * The states of a Secure EPT entry (TDX module 1.5.25, sept_manager.h), without those that only migration leads to.
 */
enum SeptState {
    /** Maps nothing. */
    FREE(SeptEntry.TDEX | SeptEntry.TDBW | SeptEntry.TDB, 0),
    /** Leads to a Secure EPT page. */
    NL_MAPPED(0, 0x84),
    /** Leads to a Secure EPT page and lets no access through. */
    NL_BLOCKED(SeptEntry.TDB, 0x81),
    /** Maps a page. */
    MAPPED(SeptEntry.IPAT | SeptEntry.PS, 4),
    /** Maps a page and lets no access through. */
    BLOCKED(SeptEntry.IPAT | SeptEntry.PS | SeptEntry.TDB, 1),
    /** Maps a page that the guest has not accepted. */
    PENDING(SeptEntry.IPAT | SeptEntry.PS | SeptEntry.TDP, 2),
    /** Maps a page that the guest has not accepted, and cannot now. */
    PENDING_BLOCKED(SeptEntry.IPAT | SeptEntry.PS | SeptEntry.TDP | SeptEntry.TDB, 3);

    private static final int MISCONFIGURED = 18;

    private final long bits;
    private final int architectural;

    SeptState(long bits, int architectural) {
        this.bits = bits;
        this.architectural = architectural;
    }

    /** The state of an entry. */
    static SeptState of(long entry) {
        long bits = entry & SeptEntry.STATE_MASK;
        for (SeptState state : values()) {
            if (state.bits == bits) {
                return state;
            }
        }
        throw new ModuleFatal(MISCONFIGURED);
    }

    long bits() {
        return bits;
    }

    /** The number by which the host and exits know the state. */
    int architectural() {
        return architectural;
    }

    boolean isLeaf() {
        return (bits & SeptEntry.PS) != 0;
    }

    boolean isBlocked() {
        return this == NL_BLOCKED || this == BLOCKED || this == PENDING_BLOCKED;
    }

    boolean isPending() {
        return this == PENDING || this == PENDING_BLOCKED;
    }

    /** The state that blocking leads to, or null where there is nothing to block. */
    SeptState blocked() {
        return switch (this) {
            case NL_MAPPED -> NL_BLOCKED;
            case MAPPED -> BLOCKED;
            case PENDING -> PENDING_BLOCKED;
            default -> null;
        };
    }

    /** The state without the block. */
    SeptState unblocked() {
        return switch (this) {
            case NL_BLOCKED -> NL_MAPPED;
            case BLOCKED -> MAPPED;
            case PENDING_BLOCKED -> PENDING;
            default -> this;
        };
    }
}
