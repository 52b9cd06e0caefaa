package dev.pamt.seamcall.emulator.memory;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * Physical memory that costs nothing until a word of it is other than zero.
 *
 * <p>The module's own structures live in it where the real ones do: the PAMT arrays and the page bitmap at the addresses
 * of TDMR_INFO, PAMT_4K entries in the page pairs, S-EPT entries in the S-EPT pages. So what the host finds in a page that
 * comes back is what the module left there, and a pair without entries in use costs nothing.
 *
 * <p>A page is a {@code long[512]} at the end of a radix tree: 2^12 x 1 TiB, 2^10 x 1 GiB, 2^9 x 2 MiB, 2^9 x 4 KiB. A
 * page that is not there reads as zero.
 *
 * <p>States of a slot of the tree: <i>absent</i> to <i>present</i> by compare-and-set, so that all threads agree on one
 * array; and for a page back to <i>absent</i> by {@link #zeroPage}. Slots are read with acquire, which pairs with the
 * compare-and-set: a thread that sees an array sees it zeroed. A page is dropped only by its owner; a thread that still holds
 * the array then works on memory without an owner, as a stray access to a page that has been handed on.
 *
 * <p><b>Thread-safety:</b> any number of threads at once. <b>Progress:</b> wait-free but for the allocation of nodes.
 */
public final class SparseMemory implements PhysicalMemory {
    /** Bytes of a page. */
    public static final int PAGE_BYTES = 4096;

    private static final int WORDS_PER_PAGE = PAGE_BYTES / Long.BYTES;
    private static final int TIB_SLOTS = 1 << 12;
    private static final int GIB_SLOTS = 1 << 10;
    private static final int REGION_SLOTS = 1 << 9;
    private static final int PAGE_SLOTS = 1 << 9;

    private static final VarHandle TIB = MethodHandles.arrayElementVarHandle(long[][][][][].class);
    private static final VarHandle GIB = MethodHandles.arrayElementVarHandle(long[][][][].class);
    private static final VarHandle REGION = MethodHandles.arrayElementVarHandle(long[][][].class);
    private static final VarHandle PAGE = MethodHandles.arrayElementVarHandle(long[][].class);

    private final long[][][][][] tree = new long[TIB_SLOTS][][][][];

    /** Makes memory that is all zero. */
    public SparseMemory() {}

    /** The index of the word that holds an address, within the array of its page. */
    public static int wordIndex(long hpa) {
        return (int) (hpa & PAGE_BYTES - 1) >>> 3;
    }

    /** The words of the page that holds an address, or null while the page is all zero. */
    public long[] pageOrNull(long hpa) {
        long[][] pages = pagesOrNull(hpa);
        return pages == null ? null : (long[]) PAGE.getAcquire(pages, pageSlot(hpa));
    }

    /** The words of the page that holds an address. */
    public long[] page(long hpa) {
        long[][] pages = pagesOrNull(hpa);
        if (pages == null) {
            pages = materialisePages(hpa);
        }
        long[] words = (long[]) PAGE.getAcquire(pages, pageSlot(hpa));
        return words != null ? words : materialisePage(pages, pageSlot(hpa));
    }

    /** Makes a page all zero and gives its storage up. */
    public void zeroPage(long hpa) {
        long[][] pages = pagesOrNull(hpa);
        if (pages != null) {
            long[] words = (long[]) PAGE.getAcquire(pages, pageSlot(hpa));
            if (words != null) {
                // A lock word in the page is gone for a thread that still holds the array, too.
                Arrays.fill(words, 0);
                PAGE.setRelease(pages, pageSlot(hpa), (long[]) null);
            }
        }
    }

    /** Gives the storage of a page up if the page is all zero; no other thread may use the page meanwhile. */
    public void dropIfZero(long hpa) {
        long[] words = pageOrNull(hpa);
        if (words == null) {
            return;
        }
        for (long word : words) {
            if (word != 0) {
                return;
            }
        }
        zeroPage(hpa);
    }

    /** Makes a range of words within one page zero, without making storage for them. */
    public void zeroWords(long hpa, int count) {
        long[] words = pageOrNull(hpa);
        if (words != null) {
            Arrays.fill(words, wordIndex(hpa), wordIndex(hpa) + count, 0);
        }
    }

    /** Copies a page. */
    public void copyPage(long fromHpa, long toHpa) {
        long[] from = pageOrNull(fromHpa);
        if (from == null) {
            zeroPage(toHpa);
        } else {
            System.arraycopy(from, 0, page(toHpa), 0, WORDS_PER_PAGE);
        }
    }

    /** Fills a page with one word. */
    public void fillPage(long hpa, long value) {
        if (value == 0) {
            zeroPage(hpa);
        } else {
            Arrays.fill(page(hpa), value);
        }
    }

    @Override
    public long read64(long hpa) {
        check(hpa, Long.BYTES);
        long[] words = pageOrNull(hpa);
        return words == null ? 0 : Words.lv(words, wordIndex(hpa));
    }

    @Override
    public void write64(long hpa, long value) {
        check(hpa, Long.BYTES);
        if (value == 0 && pageOrNull(hpa) == null) {
            return;
        }
        Words.sv(page(hpa), wordIndex(hpa), value);
    }

    @Override
    public void clearPage(long hpa) {
        check(hpa, PAGE_BYTES);
        zeroPage(hpa);
    }

    private static void check(long hpa, int alignment) {
        if (hpa >>> PhysicalRange.ADDRESS_BITS != 0 || (hpa & alignment - 1) != 0) {
            throw new IllegalArgumentException(String.format(
                    "a physical address is a multiple of %d below 2^%d; 0x%x is not",
                    alignment, PhysicalRange.ADDRESS_BITS, hpa));
        }
    }

    private static int tibSlot(long hpa) {
        return (int) (hpa >>> 40) & TIB_SLOTS - 1;
    }

    private static int gibSlot(long hpa) {
        return (int) (hpa >>> 30) & GIB_SLOTS - 1;
    }

    private static int regionSlot(long hpa) {
        return (int) (hpa >>> 21) & REGION_SLOTS - 1;
    }

    private static int pageSlot(long hpa) {
        return (int) (hpa >>> 12) & PAGE_SLOTS - 1;
    }

    private long[][] pagesOrNull(long hpa) {
        long[][][][] gibs = (long[][][][]) TIB.getAcquire(tree, tibSlot(hpa));
        if (gibs == null) {
            return null;
        }
        long[][][] regions = (long[][][]) GIB.getAcquire(gibs, gibSlot(hpa));
        return regions == null ? null : (long[][]) REGION.getAcquire(regions, regionSlot(hpa));
    }

    private long[][] materialisePages(long hpa) {
        long[][][][] gibs = (long[][][][]) TIB.getAcquire(tree, tibSlot(hpa));
        if (gibs == null) {
            long[][][][] fresh = new long[GIB_SLOTS][][][];
            gibs = TIB.compareAndSet(tree, tibSlot(hpa), (long[][][][]) null, fresh)
                    ? fresh
                    : (long[][][][]) TIB.getAcquire(tree, tibSlot(hpa));
        }
        long[][][] regions = (long[][][]) GIB.getAcquire(gibs, gibSlot(hpa));
        if (regions == null) {
            long[][][] fresh = new long[REGION_SLOTS][][];
            regions = GIB.compareAndSet(gibs, gibSlot(hpa), (long[][][]) null, fresh)
                    ? fresh
                    : (long[][][]) GIB.getAcquire(gibs, gibSlot(hpa));
        }
        long[][] pages = (long[][]) REGION.getAcquire(regions, regionSlot(hpa));
        if (pages == null) {
            long[][] fresh = new long[PAGE_SLOTS][];
            pages = REGION.compareAndSet(regions, regionSlot(hpa), (long[][]) null, fresh)
                    ? fresh
                    : (long[][]) REGION.getAcquire(regions, regionSlot(hpa));
        }
        return pages;
    }

    private static long[] materialisePage(long[][] pages, int slot) {
        long[] fresh = new long[WORDS_PER_PAGE];
        while (!PAGE.compareAndSet(pages, slot, (long[]) null, fresh)) {
            long[] words = (long[]) PAGE.getAcquire(pages, slot);
            if (words != null) {
                return words;
            }
        }
        return fresh;
    }
}
