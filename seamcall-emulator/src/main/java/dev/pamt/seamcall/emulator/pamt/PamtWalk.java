package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;

/**
 * One way down the PAMT, and the locks that are held along it: 1G shared, 2M shared, and the entry at the end shared or
 * exclusive.
 *
 * <p>Belongs to one call. {@link Pamt#walk} fills it in; {@link #release} gives the locks back and may be called on a walk
 * that holds none. Types read from a walk stay as they are until then.
 */
public final class PamtWalk {
    private static final int NOT_HELD = -1;
    private static final int LEVELS = 3;

    private final long[][] words = new long[LEVELS][];
    private final int[] indexes = new int[LEVELS];
    private int level = NOT_HELD;
    private boolean exclusive;

    /** Makes a walk that holds nothing. */
    public PamtWalk() {}

    /** The level of the entry at the end. */
    public PageLevel level() {
        return PageLevel.ofCode(level);
    }

    /** The type of the entry at the end. */
    public int type() {
        return PamtEntry.type(words[level], indexes[level]);
    }

    /** The owner of the page. */
    public long ownerHpa() {
        return PamtEntry.ownerHpa(words[level], indexes[level]);
    }

    /** The BEPOCH of the page. */
    public long bepoch() {
        return PamtEntry.bepoch(words[level], indexes[level]);
    }

    /** The page of the pair with the PAMT_4K entries 0 to 255. */
    public long pairPage0() {
        return PamtEntry.pairPage0(words[level], indexes[level]);
    }

    /** The page of the pair with the PAMT_4K entries 256 to 511. */
    public long pairPage1() {
        return PamtEntry.pairPage1(words[level], indexes[level]);
    }

    /** The number of 4K pages in use, at the end of a walk to a 2M entry with a pair. */
    public int pageCount() {
        return PamtEntry.pageCount(words[level], indexes[level]);
    }

    /** Turns the entry at the end into one with a page pair and no page in use. */
    void setPair(long page0Hpa, long page1Hpa) {
        PamtEntry.setPair(words[level], indexes[level], page0Hpa, page1Hpa, 0, true);
    }

    /** Frees the entry at the end; owner and pair stay behind. */
    void free() {
        PamtEntry.setType(words[level], indexes[level], PageType.NDA);
    }

    /** Takes the page for a TD, and counts it if its region has a pair. BEPOCH stays as it is. */
    public void assign(int type, long ownerHpa) {
        PamtEntry.setTypeAndOwner(words[level], indexes[level], type, ownerHpa);
        if (countsPages()) {
            PamtEntry.incrementPageCount(words[1], indexes[1]);
        }
    }

    /** Takes the page for a TD with BEPOCH zero, and counts it if its region has a pair. */
    public void assignFresh(int type, long ownerHpa) {
        PamtEntry.setBepoch(words[level], indexes[level], 0);
        assign(type, ownerHpa);
    }

    /** Frees the page; the removal hint if it was the last one of a region with a pair. */
    public long freePage() {
        free();
        return countsPages() && PamtEntry.decrementPageCount(words[1], indexes[1]) ? Pamt.REMOVAL_HINT : 0;
    }

    /** Gives the locks back, from the end upwards. */
    public void release() {
        if (level == NOT_HELD) {
            return;
        }
        int at = level;
        level = NOT_HELD;
        if (exclusive) {
            HostPriorityLock.releaseExclusive(words[at], indexes[at]);
            at++;
        }
        for (; at < LEVELS; at++) {
            HostPriorityLock.releaseShared(words[at], indexes[at]);
        }
    }

    void at(PageLevel pageLevel, long[] entryWords, int index) {
        words[pageLevel.code()] = entryWords;
        indexes[pageLevel.code()] = index;
    }

    void held(PageLevel reached, boolean held) {
        level = reached.code();
        exclusive = held;
    }

    private boolean countsPages() {
        return level == PageLevel.SIZE_4K.code() && PamtEntry.type(words[1], indexes[1]) == PageType.PAMT;
    }
}
