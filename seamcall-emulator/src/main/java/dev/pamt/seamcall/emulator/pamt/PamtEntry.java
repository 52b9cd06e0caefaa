package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;

/**
 * The two words of a PAMT entry, at an index of the page of memory that holds them.
 *
 * <pre>
 *   leaf:      word 0  lock 15:0 | type 20:16 | owner 63:24         word 1  BEPOCH
 *   with pair: word 0  lock 15:0 | 15   20:16 | page 0 63:28        word 1  page count 9:0 | page 1 63:28
 * </pre>
 *
 * <p>The entry is a union: what one view leaves behind shows in the other and is not cleared.
 *
 * <p>Memory order: type, owner and pair change only under the exclusive lock of the entry, but others may add to the lock
 * bits at any moment, so word 0 is changed by addition, which leaves those alone. The page count is changed by addition
 * without any lock of this entry. BEPOCH is stored under the lock or, by RANGE.BLOCK, without one.
 *
 * <p>Source: TDX module 1.5.25, pamt_manager.h; the numbers are its fatal error ids.
 */
final class PamtEntry {
    /** The number of PAMT_4K entries of a 2M region. */
    static final int PER_REGION = 512;

    /** The number of entries in a page of memory. */
    static final int PER_PAGE = 256;

    /** The number of words of an entry. */
    static final int WORDS = 2;

    private static final int TYPE_SHIFT = 16;
    private static final long TYPE_MASK = 0x1F;
    private static final int OWNER_SHIFT = 24;
    private static final int PAIR_SHIFT = 28;
    private static final int PAGE_SHIFT = 12;
    private static final long COUNT_MASK = 0x3FF;
    private static final long LOW_HALF = 0xFFFF;

    private PamtEntry() {}

    /** The page type. */
    static int type(long[] words, int index) {
        return typeOf(Words.la(words, index));
    }

    /** The page type in a first word. */
    static int typeOf(long word0) {
        return (int) (word0 >>> TYPE_SHIFT & TYPE_MASK);
    }

    /** The TDR that owns the page; leftovers if the page is free. */
    static long ownerHpa(long[] words, int index) {
        return ownerHpaOf(Words.la(words, index));
    }

    static long ownerHpaOf(long word0) {
        return word0 >>> OWNER_SHIFT << PAGE_SHIFT;
    }

    /** The first word of an entry of a page that is not locked. */
    static long leafWord(int type, long ownerHpa) {
        return ownerHpa >>> PAGE_SHIFT << OWNER_SHIFT | (long) type << TYPE_SHIFT;
    }

    /** BEPOCH; leftovers if the page never had one. */
    static long bepoch(long[] words, int index) {
        return Words.la(words, index + 1);
    }

    static void setBepoch(long[] words, int index, long bepoch) {
        Words.so(words, index + 1, bepoch);
    }

    /** The page with the PAMT_4K entries 0 to 255. */
    static long pairPage0(long[] words, int index) {
        return Words.la(words, index) >>> PAIR_SHIFT << PAGE_SHIFT;
    }

    /** The page with the PAMT_4K entries 256 to 511. */
    static long pairPage1(long[] words, int index) {
        return Words.la(words, index + 1) >>> PAIR_SHIFT << PAGE_SHIFT;
    }

    static int pageCount(long[] words, int index) {
        return (int) (Words.lv(words, index + 1) & COUNT_MASK);
    }

    /** Changes the type and nothing else. */
    static void setType(long[] words, int index, int type) {
        long delta = (long) type - type(words, index);
        Words.faa(words, index, delta << TYPE_SHIFT);
    }

    /** Changes type and owner. */
    static void setTypeAndOwner(long[] words, int index, int type, long ownerHpa) {
        replaceHigh(words, index, leafWord(type, ownerHpa));
    }

    /**
     * Makes an entry one with a page pair. Bits 27:24 of word 0, and bits 27:10 of word 1 unless it is cleared, keep what
     * the leaf had there.
     */
    static void setPair(long[] words, int index, long page0Hpa, long page1Hpa, int pageCount, boolean clearWord1) {
        long word1 = clearWord1 ? 0 : Words.lp(words, index + 1) & (1L << PAIR_SHIFT) - 1 & ~COUNT_MASK;
        Words.so(words, index + 1, word1 | page1Hpa >>> PAGE_SHIFT << PAIR_SHIFT | pageCount);
        long kept = Words.la(words, index) & (1L << PAIR_SHIFT) - 1 & ~(TYPE_MASK << TYPE_SHIFT) & ~LOW_HALF;
        replaceHigh(words, index, kept | page0Hpa >>> PAGE_SHIFT << PAIR_SHIFT | (long) PageType.PAMT << TYPE_SHIFT);
    }

    /** Counts a page that came into use. */
    static void incrementPageCount(long[] words, int index) {
        long before = Words.faa(words, index + 1, 1);
        ModuleFatal.unless((before & COUNT_MASK) != PER_REGION, 351);
    }

    /** Counts a page that went out of use; true if it was the last one. */
    static boolean decrementPageCount(long[] words, int index) {
        long before = Words.faa(words, index + 1, -1);
        ModuleFatal.unless((before & COUNT_MASK) != 0, 170);
        return (before & COUNT_MASK) == 1;
    }

    private static void replaceHigh(long[] words, int index, long high) {
        long current = Words.la(words, index) & ~LOW_HALF;
        Words.faa(words, index, high - current);
    }
}
