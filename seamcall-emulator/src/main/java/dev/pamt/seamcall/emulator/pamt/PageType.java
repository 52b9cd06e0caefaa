package dev.pamt.seamcall.emulator.pamt;

/**
 * Page types, as a PAMT entry holds them (TDX module 1.5.25). Numbers and not an enum, since they are fields of words.
 */
public final class PageType {
    /** Not directly assigned: free, or in a PAMT_1G entry and a static PAMT_2M entry "look one level down". */
    public static final int NDA = 0;

    /** Reserved memory; stored in static mode only. */
    public static final int RSVD = 1;

    /** Private memory of a TD. */
    public static final int REG = 3;

    /** TD root. */
    public static final int TDR = 4;

    /** Control page of a TD, or of a vCPU other than its first. */
    public static final int TDCX = 5;

    /** vCPU root. */
    public static final int TDVPR = 6;

    /** Secure EPT page. */
    public static final int EPT = 8;

    /** In a PAMT_2M entry of dynamic mode: there is a page pair. Never stored for the pages of a pair themselves. */
    public static final int PAMT = 15;

    private PageType() {}
}
