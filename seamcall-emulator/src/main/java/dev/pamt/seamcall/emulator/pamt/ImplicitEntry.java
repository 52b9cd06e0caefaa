package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * The PAMT entry of a page that the module knows from its own structures (an <i>implicit</i> access): found without locks
 * on the way, locked alone.
 *
 * <p>No lock is held above the entry, and the entry of a 4K page lies in a page pair. If the host takes the pair away
 * meanwhile, the entry is gone: that is what makes PAMT.REMOVE beside PAGE.REMOVE fatal.
 *
 * <p>Source: TDX module 1.5.25, pamt_implicit_get in pamt_manager.c; the numbers are its fatal error ids.
 */
public final class ImplicitEntry {
    private final long[] words;
    private final int index;
    private final long[] parentWords;
    private final int parentIndex;

    private ImplicitEntry(long[] words, int index, long[] parentWords, int parentIndex) {
        this.words = words;
        this.index = index;
        this.parentWords = parentWords;
        this.parentIndex = parentIndex;
    }

    static ImplicitEntry find(PamtEntries entries, TdmrTable tdmrs, long hpa, PageLevel level) {
        Tdmr tdmr = tdmrs.usable(hpa);
        ModuleFatal.unless(tdmr != null, 109);
        long[] parentWords = null;
        int parentIndex = 0;
        long entry;
        if (level == PageLevel.SIZE_4K) {
            long parent = tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_2M);
            parentWords = entries.page(parent);
            parentIndex = SparseMemory.wordIndex(parent);
            ModuleFatal.unless(!entries.dynamic() || PamtEntry.type(parentWords, parentIndex) == PageType.PAMT, 336);
            entry = entries.entry4kHpa(tdmr, hpa, parentWords, parentIndex);
        } else {
            entry = tdmr.pamtEntryHpa(hpa, level);
        }
        long[] words = entries.page(entry);
        int index = SparseMemory.wordIndex(entry);
        int type = PamtEntry.type(words, index);
        ModuleFatal.unless(type != PageType.NDA && type != PageType.RSVD, 339);
        ModuleFatal.unless(type != PageType.PAMT, 340);
        return new ImplicitEntry(words, index, parentWords, parentIndex);
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
