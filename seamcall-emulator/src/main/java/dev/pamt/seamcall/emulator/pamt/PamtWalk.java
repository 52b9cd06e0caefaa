package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;

/**
 * One way down the PAMT, and the locks that are held along it: 1G shared, 2M shared, and the entry at the end shared or
 * exclusive.
 *
 * <p>Belongs to one call. {@link Pamt#locate} fills it in; {@link #release} gives the locks back and may be called on a
 * walk that holds none. Types read from a walk stay as they are until then.
 *
 * <p>Source: TDX module 1.5.25, pamt_walk and pamt_unwalk in pamt_manager.c.
 */
public final class PamtWalk {
    private Tdmr tdmr;
    private long[] words1g;
    private int index1g;
    private long[] words2m;
    private int index2m;
    /** The entry at the end. */
    private long[] words;

    private int index;
    /** The level of the entry at the end; null if no lock is held. */
    private PageLevel level;

    private boolean exclusive;

    /** Makes a walk that holds nothing. */
    public PamtWalk() {}

    /**
     * Walks to the entry of an address, taking locks on the way.
     *
     * @param entries where the entries lie
     * @param from the TDMR of the address
     * @param hpa the address
     * @param mode how the entry at the end is locked
     * @param target where to stop at the latest
     * @return false if another call held a lock; the walk holds nothing then
     */
    boolean take(PamtEntries entries, Tdmr from, long hpa, LockMode mode, PageLevel target) {
        tdmr = from;
        long entry1g = from.pamtEntryHpa(hpa, PageLevel.SIZE_1G);
        words1g = entries.page(entry1g);
        index1g = SparseMemory.wordIndex(entry1g);
        if (!HostPriorityLock.acquireShared(words1g, index1g)) {
            return false;
        }
        if (target == PageLevel.SIZE_1G || PamtEntry.type(words1g, index1g) != PageType.NDA) {
            if (mode == LockMode.EXCLUSIVE && !HostPriorityLock.promote(words1g, index1g)) {
                HostPriorityLock.releaseShared(words1g, index1g);
                return false;
            }
            endAt(PageLevel.SIZE_1G, words1g, index1g, mode);
            return true;
        }
        if (takeBelow1g(entries, hpa, mode, target)) {
            return true;
        }
        HostPriorityLock.releaseShared(words1g, index1g);
        return false;
    }

    private boolean takeBelow1g(PamtEntries entries, long hpa, LockMode mode, PageLevel target) {
        long entry2m = tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_2M);
        words2m = entries.page(entry2m);
        index2m = SparseMemory.wordIndex(entry2m);
        if (!HostPriorityLock.acquireShared(words2m, index2m)) {
            return false;
        }
        boolean nonLeaf = PamtEntry.type(words2m, index2m) == entries.nonLeafType();
        if (target == PageLevel.SIZE_2M || !nonLeaf) {
            if (mode == LockMode.EXCLUSIVE) {
                entries.reached(RacePoint.WALK_BEFORE_PROMOTE_2M);
                if (!HostPriorityLock.promote(words2m, index2m)) {
                    entries.reached(RacePoint.WALK_PROMOTE_REFUSED_2M);
                    HostPriorityLock.releaseShared(words2m, index2m);
                    return false;
                }
            }
            endAt(PageLevel.SIZE_2M, words2m, index2m, mode);
            return true;
        }
        long entry4k = entries.entry4kHpa(tdmr, hpa, words2m, index2m);
        long[] words4k = entries.page(entry4k);
        int index4k = SparseMemory.wordIndex(entry4k);
        if (!mode.acquire(words4k, index4k)) {
            HostPriorityLock.releaseShared(words2m, index2m);
            return false;
        }
        endAt(PageLevel.SIZE_4K, words4k, index4k, mode);
        return true;
    }

    private void endAt(PageLevel reached, long[] entryWords, int entryIndex, LockMode mode) {
        words = entryWords;
        index = entryIndex;
        level = reached;
        exclusive = mode == LockMode.EXCLUSIVE;
    }

    /** The TDMR of the address. */
    public Tdmr tdmr() {
        return tdmr;
    }

    /** The level of the entry at the end. */
    public PageLevel level() {
        return level;
    }

    /** The type of the entry at the end. */
    public int type() {
        return PamtEntry.type(words, index);
    }

    /** The owner of the page. */
    public long ownerHpa() {
        return PamtEntry.ownerHpa(words, index);
    }

    /** The BEPOCH of the page. */
    public long bepoch() {
        return PamtEntry.bepoch(words, index);
    }

    /** The page of the pair with the PAMT_4K entries 0 to 255. */
    public long pairPage0() {
        return PamtEntry.pairPage0(words, index);
    }

    /** The page of the pair with the PAMT_4K entries 256 to 511. */
    public long pairPage1() {
        return PamtEntry.pairPage1(words, index);
    }

    /** The number of 4K pages in use, at the end of a walk to a 2M entry with a pair. */
    public int pageCount() {
        return PamtEntry.pageCount(words, index);
    }

    /** Turns the entry at the end into one with a page pair and no page in use. */
    void setPair(long page0Hpa, long page1Hpa) {
        PamtEntry.setPair(words, index, page0Hpa, page1Hpa, 0, true);
    }

    /** Frees the entry at the end; owner and pair stay behind. */
    void free() {
        PamtEntry.setType(words, index, PageType.NDA);
    }

    /** Takes the page for a TD, and counts it if its region has a pair. BEPOCH stays as it is. */
    public void assign(int type, long ownerHpa) {
        PamtEntry.setTypeAndOwner(words, index, type, ownerHpa);
        if (countsPages()) {
            PamtEntry.incrementPageCount(words2m, index2m);
        }
    }

    /** Takes the page for a TD with BEPOCH zero, and counts it if its region has a pair. */
    public void assignFresh(int type, long ownerHpa) {
        PamtEntry.setBepoch(words, index, 0);
        assign(type, ownerHpa);
    }

    /** Frees the page; the removal hint if it was the last one of a region with a pair. */
    public long freePage() {
        free();
        return countsPages() && PamtEntry.decrementPageCount(words2m, index2m) ? Pamt.REMOVAL_HINT : 0;
    }

    /** Gives the locks back, from the end upwards. */
    public void release() {
        PageLevel at = level;
        if (at == null) {
            return;
        }
        level = null;
        if (exclusive) {
            HostPriorityLock.releaseExclusive(words, index);
        } else {
            HostPriorityLock.releaseShared(words, index);
        }
        if (at == PageLevel.SIZE_4K) {
            HostPriorityLock.releaseShared(words2m, index2m);
        }
        if (at != PageLevel.SIZE_1G) {
            HostPriorityLock.releaseShared(words1g, index1g);
        }
    }

    private boolean countsPages() {
        return level == PageLevel.SIZE_4K && PamtEntry.type(words2m, index2m) == PageType.PAMT;
    }
}
