package dev.pamt.api;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;

/**
 * A TD memory region: a stretch of memory, in steps of 1 GiB, that has page metadata.
 *
 * <p>Immutable and thread-safe.
 *
 * @param range the memory, both ends multiples of 1 GiB
 * @param reserved what of it TDX must not use: holes in convertible memory and PAMT areas; ascending, apart from each
 *     other, multiples of 4 KiB
 * @param pamt1G where its PAMT_1G lies
 * @param pamt2M where its PAMT_2M lies
 * @param pamt4K where its PAMT_4K lies, or with Dynamic PAMT its page bitmap
 */
public record Tdmr(
        PhysicalRange range,
        List<PhysicalRange> reserved,
        PhysicalRange pamt1G,
        PhysicalRange pamt2M,
        PhysicalRange pamt4K) {
    /**
     * Copies the list.
     *
     * @param range the memory
     * @param reserved what of it TDX must not use
     * @param pamt1G where its PAMT_1G lies
     * @param pamt2M where its PAMT_2M lies
     * @param pamt4K where its PAMT_4K or its page bitmap lies
     */
    public Tdmr {
        reserved = List.copyOf(reserved);
    }

    /**
     * The memory that the PAMT areas of this TDMR take.
     *
     * @return bytes
     */
    public long pamtBytes() {
        return pamt1G.bytes() + pamt2M.bytes() + pamt4K.bytes();
    }
}
