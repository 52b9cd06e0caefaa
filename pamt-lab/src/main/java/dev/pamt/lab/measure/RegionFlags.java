package dev.pamt.lab.measure;

/**
 * What {@code /proc/kpageflags} says about a 2M region.
 *
 * <p>Immutable and thread-safe.
 */
final class RegionFlags {
    private static final RegionFlags SMALL_PAGES = new RegionFlags(null, null);

    /** Bits of an entry, from the kernel's {@code kernel-page-flags.h}. */
    private static final long COMPOUND_HEAD = 1L << 15;

    private static final long COMPOUND_TAIL = 1L << 16;
    private static final long HUGE = 1L << 17;
    private static final long NOPAGE = 1L << 20;
    private static final long THP = 1L << 22;
    private static final long ZERO_PAGE = 1L << 24;
    private static final long RESERVED = 1L << 32;

    /** Where there is no page, the zero page, or one of the kernel's own such as the vdso. */
    private static final long LEFT_OUT = NOPAGE | ZERO_PAGE | RESERVED;

    /** The most entries that {@link #of} reads. */
    static final int ENTRIES = Pages.PER_REGION + 1;

    private final Backing folio;

    /** A bit for each page that is no memory of a process; null if there is none. */
    private final long[] leftOut;

    private RegionFlags(Backing folio, long[] leftOut) {
        this.folio = folio;
        this.leftOut = leftOut;
    }

    /**
     * Sums the entries of a region up.
     *
     * @param region the region
     * @param entries the entries of its pages, and of the page behind it
     * @param count how many entries there are
     */
    static RegionFlags of(long region, Entries entries, int count) {
        long[] leftOut = new long[Pages.PER_REGION / Long.SIZE];
        boolean anyLeftOut = false;
        long common = -1L;
        boolean tails = true;
        for (int i = 0; i < Pages.PER_REGION; i++) {
            long flags = i < count ? entries.get(i) : NOPAGE;
            if ((flags & LEFT_OUT) != 0) {
                leftOut[i / Long.SIZE] |= 1L << i;
                anyLeftOut = true;
            }
            common &= flags;
            tails &= i == 0 ? (flags & (COMPOUND_HEAD | COMPOUND_TAIL)) != 0 : (flags & COMPOUND_TAIL) != 0;
        }
        Backing folio = null;
        if (anyLeftOut) {
            return new RegionFlags(null, leftOut);
        }
        if (tails && (common & HUGE) != 0) {
            folio = isOfGigabytePage(region, entries, count) ? Backing.HUGETLB_1G : Backing.HUGETLB_2M;
        } else if (tails && (common & THP) != 0) {
            folio = Backing.THP_2M;
        }
        return folio == null ? SMALL_PAGES : new RegionFlags(folio, null);
    }

    /** A page of 1G goes on before or behind the region. */
    private static boolean isOfGigabytePage(long region, Entries entries, int count) {
        if ((entries.get(0) & COMPOUND_TAIL) != 0) {
            return true;
        }
        return (region << Pages.REGION_SHIFT) % Pages.PER_GIGABYTE == 0
                && count > Pages.PER_REGION
                && (entries.get(Pages.PER_REGION) & COMPOUND_TAIL) != 0;
    }

    /** The huge page that the region is, or a part of; null if it is 4K pages. */
    Backing folio() {
        return folio;
    }

    boolean leavesOut(long page) {
        int index = Pages.indexOf(page);
        return leftOut != null && (leftOut[index / Long.SIZE] & (1L << index)) != 0;
    }
}
