package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallRegisters;

/** What a guest does in a recording. */
sealed interface GuestDeed {
    /**
     * A TDCALL.
     *
     * @param rax the leaf word
     * @param in every input; not to be written
     * @param out null if the TDCALL does not come back, or is not compared
     */
    record Tdcall(long rax, SeamcallRegisters in, Line.Answer out) implements GuestDeed {}

    /** An access to memory. */
    record MemoryAccess(long gpa, AccessKind kind) implements GuestDeed {}

    /** It is interrupted. */
    record Interrupt() implements GuestDeed {}
}
