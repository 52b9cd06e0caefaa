package dev.pamt.impl.host;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;

/**
 * What the module says through SYS.RD about TDMRs and PAMT, and the sizes that follow from it.
 *
 * @param dynamicPamt whether PAMT_4K is left to page pairs and a bitmap takes its place
 * @param maxTdmrs how many TDMRs SYS.CONFIG takes
 * @param maxReserved how many reserved areas a TDMR can have
 * @param pamt4KEntryBytes bytes of a PAMT_4K entry
 * @param pamt2MEntryBytes bytes of a PAMT_2M entry
 * @param pamt1GEntryBytes bytes of a PAMT_1G entry
 * @param bitmapBitsPerPage bits that a 4K page has in the page bitmap; 0 without Dynamic PAMT
 * @param cmrs the convertible memory ranges
 */
record ModuleMetadata(
        boolean dynamicPamt,
        int maxTdmrs,
        int maxReserved,
        int pamt4KEntryBytes,
        int pamt2MEntryBytes,
        int pamt1GEntryBytes,
        int bitmapBitsPerPage,
        List<PhysicalRange> cmrs) {
    private static final long PAGE_BYTES = 1L << 12;
    private static final int SHIFT_4K = 12;
    private static final int SHIFT_2M = 21;
    private static final int SHIFT_1G = 30;

    /** A TDMR_INFO is aligned to this. */
    private static final int TDMR_INFO_ALIGNMENT = 512;

    /** The eight words before the reserved areas, and what each of those takes. */
    private static final int TDMR_INFO_HEAD_BYTES = 64;

    private static final int RESERVED_AREA_BYTES = 16;

    /** The same of a module that has to do without Dynamic PAMT. */
    ModuleMetadata withStaticPamt() {
        return new ModuleMetadata(
                false, maxTdmrs, maxReserved, pamt4KEntryBytes, pamt2MEntryBytes, pamt1GEntryBytes, 0, cmrs);
    }

    long pamt1GBytes(long tdmrBytes) {
        return wholePages((tdmrBytes >> SHIFT_1G) * pamt1GEntryBytes);
    }

    long pamt2MBytes(long tdmrBytes) {
        return wholePages((tdmrBytes >> SHIFT_2M) * pamt2MEntryBytes);
    }

    /** Bytes of PAMT_4K, or of the page bitmap that takes its place. */
    long pamt4KBytes(long tdmrBytes) {
        long pages = tdmrBytes >> SHIFT_4K;
        return dynamicPamt
                ? wholePages((pages * bitmapBitsPerPage + Byte.SIZE - 1) / Byte.SIZE)
                : wholePages(pages * pamt4KEntryBytes);
    }

    long pamtBytes(long tdmrBytes) {
        return pamt1GBytes(tdmrBytes) + pamt2MBytes(tdmrBytes) + pamt4KBytes(tdmrBytes);
    }

    /** Bytes from one TDMR_INFO to the next. */
    int tdmrInfoBytes() {
        int bytes = TDMR_INFO_HEAD_BYTES + maxReserved * RESERVED_AREA_BYTES;
        return (bytes + TDMR_INFO_ALIGNMENT - 1) & -TDMR_INFO_ALIGNMENT;
    }

    private static long wholePages(long bytes) {
        return (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
    }
}
