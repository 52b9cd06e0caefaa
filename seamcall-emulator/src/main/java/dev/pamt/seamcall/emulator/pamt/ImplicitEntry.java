package dev.pamt.seamcall.emulator.pamt;

/**
 * The PAMT entry of a page that the module knows from its own structures (an <i>implicit</i> access): found without locks
 * on the way, locked alone.
 *
 * <p>No lock is held above the entry, and the entry of a 4K page lies in a page pair. If the host takes the pair away
 * meanwhile, the entry is gone: that is what makes PAMT.REMOVE beside PAGE.REMOVE fatal (races section 4).
 *
 * <p>Source: TDX module 1.5.25, pamt_implicit_get; facts 3.6.
 */
public final class ImplicitEntry {
    private final long[] words;
    private final int index;
    private final long[] parentWords;
    private final int parentIndex;

    ImplicitEntry(long[] words, int index, long[] parentWords, int parentIndex) {
        this.words = words;
        this.index = index;
        this.parentWords = parentWords;
        this.parentIndex = parentIndex;
    }

    /** Tries to lock the entry. */
    public boolean acquire(LockMode mode) {
        return mode.acquire(words, index);
    }

    /** Unlocks the entry. */
    public void release(LockMode mode) {
        mode.release(words, index);
    }

    /** The BEPOCH of the page. */
    public long bepoch() {
        return PamtEntry.bepoch(words, index);
    }

    /** Stores the BEPOCH of the page. */
    public void setBepoch(long bepoch) {
        PamtEntry.setBepoch(words, index, bepoch);
    }

    /** Frees the page and does not count it yet. */
    public void free() {
        PamtEntry.setType(words, index, PageType.NDA);
    }

    /** Counts a page that was freed; the removal hint if it was the last one of a region with a pair. */
    public long uncount() {
        boolean last = parentWords != null
                && PamtEntry.type(parentWords, parentIndex) == PageType.PAMT
                && PamtEntry.decrementPageCount(parentWords, parentIndex);
        return last ? Pamt.REMOVAL_HINT : 0;
    }
}
