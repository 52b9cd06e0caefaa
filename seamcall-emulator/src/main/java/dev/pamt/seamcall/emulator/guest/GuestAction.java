package dev.pamt.seamcall.emulator.guest;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import java.util.Objects;

/** One thing that a guest does. Immutable and thread-safe. */
public sealed interface GuestAction {
    /**
     * TDG.MEM.PAGE.ACCEPT: takes a pending page over, which is zeroed.
     *
     * @param gpa the guest address
     * @param level the page size
     */
    record Accept(long gpa, PageLevel level) implements GuestAction {
        /**
         * Makes the action.
         *
         * @param gpa the guest address
         * @param level the page size
         */
        public Accept {
            Objects.requireNonNull(level, "level");
        }
    }

    /**
     * TDG.MEM.PAGE.ATTR.WR: gives L2 VMs access to a page, changes it or takes it away.
     *
     * @param gpa the guest address
     * @param level the page size
     * @param attributes 16 bits for each VM, from VM 0 in the lowest ones: R, W, Xs, Xu, VGP, PWA, SSS, and bit 15, valid
     * @param mask the attributes to be written, at the same places
     */
    record WriteAttributes(long gpa, PageLevel level, long attributes, long mask) implements GuestAction {
        /**
         * Makes the action.
         *
         * @param gpa the guest address
         * @param level the page size
         * @param attributes the attributes
         * @param mask those to be written
         */
        public WriteAttributes {
            Objects.requireNonNull(level, "level");
        }
    }

    /**
     * Accesses memory.
     *
     * @param gpa the guest address
     * @param kind how it is accessed
     */
    record Access(long gpa, AccessKind kind) implements GuestAction {
        /**
         * Makes the action.
         *
         * @param gpa the guest address
         * @param kind how it is accessed
         */
        public Access {
            Objects.requireNonNull(kind, "kind");
        }
    }

    /** TDG.VP.VEINFO.GET: fetches what the last virtualisation exception was about, so that there can be another one. */
    record GetVeInfo() implements GuestAction {}

    /** TDG.VP.VMCALL without registers: gives the processor to the host. */
    record Vmcall() implements GuestAction {}
}
