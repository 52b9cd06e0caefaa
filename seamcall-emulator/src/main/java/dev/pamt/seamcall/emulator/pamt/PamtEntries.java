package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * Where the entries of the PAMT lie; nothing here takes a lock.
 *
 * <p>A PAMT_1G and a PAMT_2M entry lie in the arrays of the TDMR; a PAMT_4K entry lies in an array, too (static mode), or
 * in the page pair that its PAMT_2M entry names (dynamic mode).
 */
final class PamtEntries {
    private final SparseMemory memory;
    private final TdmrTable tdmrs;
    private final RacePoint.Listener racePoints;

    PamtEntries(Machine machine, TdmrTable tdmrs) {
        this.tdmrs = tdmrs;
        memory = machine.memory();
        racePoints = machine.racePoints();
    }

    /** Whether PAMT_4K entries live in page pairs. */
    boolean dynamic() {
        return tdmrs.dynamicPamt();
    }

    /** The type of a PAMT_2M entry that leads to PAMT_4K entries. */
    int nonLeafType() {
        return dynamic() ? PageType.PAMT : PageType.NDA;
    }

    /** The page of memory with an entry. */
    long[] page(long entryHpa) {
        return memory.page(entryHpa);
    }

    /** The address of an entry; that of a 4K page is found through the pair that its PAMT_2M entry names now. */
    long entryHpa(Tdmr tdmr, long hpa, PageLevel level) {
        if (level == PageLevel.SIZE_4K && dynamic()) {
            long entry2m = tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_2M);
            return pairEntryHpa(hpa, memory.page(entry2m), SparseMemory.wordIndex(entry2m));
        }
        return tdmr.pamtEntryHpa(hpa, level);
    }

    /** The address of a PAMT_4K entry, whose PAMT_2M entry the caller has. */
    long entry4kHpa(Tdmr tdmr, long hpa, long[] words2m, int index2m) {
        return dynamic() ? pairEntryHpa(hpa, words2m, index2m) : tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_4K);
    }

    private static long pairEntryHpa(long hpa, long[] words2m, int index2m) {
        int entry = (int) ((hpa & PageLevel.SIZE_2M.bytes() - 1) >>> PageLevel.SIZE_4K.shift());
        long pairPage = entry < PamtEntry.PER_PAGE
                ? PamtEntry.pairPage0(words2m, index2m)
                : PamtEntry.pairPage1(words2m, index2m);
        return pairPage + (long) (entry % PamtEntry.PER_PAGE) * Tdmr.ENTRY_BYTES;
    }

    /** The type of the page that an address lies in. */
    int typeOf(Tdmr tdmr, long hpa) {
        int type = PamtEntry.typeOf(memory.read64(tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_1G)));
        if (type != PageType.NDA) {
            return type;
        }
        type = PamtEntry.typeOf(memory.read64(tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_2M)));
        return type != nonLeafType() ? type : PamtEntry.typeOf(memory.read64(entryHpa(tdmr, hpa, PageLevel.SIZE_4K)));
    }

    /** Whether one of the 256 PAMT_4K entries in a page is in use, of whatever lock state. */
    boolean anyInUse(long entriesHpa) {
        long[] words = memory.pageOrNull(entriesHpa);
        if (words == null) {
            return false;
        }
        for (int index = 0; index < words.length; index += PamtEntry.WORDS) {
            if (PamtEntry.type(words, index) != PageType.NDA) {
                return true;
            }
        }
        return false;
    }

    /** Reports that a call has reached a race point. */
    void reached(RacePoint point) {
        racePoints.reached(point);
    }
}
