package dev.pamt.lab.measure;

/**
 * What the module needs for page metadata, by formula: entries of 16 bytes, as TDX module 1.5.25 reports them for all three
 * levels.
 *
 * <p>Stateless; any thread may use it.
 */
public final class PamtFormula {
    /** Bytes of an entry of PAMT_4K, PAMT_2M and PAMT_1G. */
    public static final int ENTRY_BYTES = 16;

    private static final int PAGES_PER_BITMAP_BYTE = 8;

    private PamtFormula() {}

    /**
     * Static PAMT: an entry for each 4K page, each 2M region and each gigabyte.
     *
     * @param pages 4K pages of memory
     * @return bytes
     */
    public static long staticBytes(long pages) {
        return ENTRY_BYTES * pages + upperLevelBytes(pages);
    }

    /**
     * Dynamic PAMT without a page pair: an entry for each 2M region and each gigabyte, and a bit for each 4K page.
     *
     * @param pages 4K pages of memory
     * @return bytes
     */
    public static long dynamicBaseBytes(long pages) {
        return ceilDiv(pages, PAGES_PER_BITMAP_BYTE) + upperLevelBytes(pages);
    }

    private static long upperLevelBytes(long pages) {
        return ENTRY_BYTES * (ceilDiv(pages, Pages.PER_REGION) + ceilDiv(pages, Pages.PER_GIGABYTE));
    }

    private static long ceilDiv(long value, long divisor) {
        return (value + divisor - 1) / divisor;
    }
}
