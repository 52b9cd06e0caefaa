package dev.pamt.seamcall.emulator;

import java.util.Objects;

/**
 * A host access to memory that the module holds: on a real machine garbage for a read, a poisoned line for a write.
 *
 * <p>Immutable and thread-safe.
 *
 * @param hpa the address
 * @param write true for a write or a clearing, false for a read
 * @param holder what the module uses the memory for
 */
public record HostAccess(long hpa, boolean write, Holder holder) {
    /** What the module uses memory for. */
    public enum Holder {
        /** An array of PAMT entries or the page bitmap, from SYS.CONFIG on. */
        PAMT_AREA,
        /** A page of a page pair, from PAMT.ADD to PAMT.REMOVE. */
        PAGE_PAIR,
        /** A page of a TD: private memory, Secure EPT or a control page. */
        TD
    }

    /**
     * Makes an access.
     *
     * @param hpa the address
     * @param write true for a write or a clearing
     * @param holder what the module uses the memory for
     */
    public HostAccess {
        Objects.requireNonNull(holder, "holder");
    }
}
