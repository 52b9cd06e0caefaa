package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;

/**
 * The page bitmap of dynamic mode: a bit for each 4K page, set if the page is part of a pair or reserved.
 *
 * <p>Nothing guards a bit but its atomic test-and-set, so a reader without further locks sees each bit for itself.
 *
 * <p>Source: TDX module 1.5.25, pamt_manager.c.
 */
final class PageBitmap {
    private static final int WORDS_PER_REGION =
            (int) (PageLevel.SIZE_2M.bytes() / PageLevel.SIZE_4K.bytes() / Long.SIZE);

    private final SparseMemory memory;
    private final RacePoint.Listener racePoints;

    PageBitmap(Machine machine) {
        memory = machine.memory();
        racePoints = machine.racePoints();
    }

    /** Whether the bit of a page is set. */
    boolean contains(Tdmr tdmr, long hpa) {
        return (memory.read64(tdmr.bitmapHpa(hpa)) & tdmr.bitmapBit(hpa)) != 0;
    }

    /** Whether the bit of a page of a 2M region is set. */
    boolean containsAnyOf(Tdmr tdmr, long regionHpa) {
        long bitmap = tdmr.bitmapHpa(regionHpa);
        for (int word = 0; word < WORDS_PER_REGION; word++) {
            if (memory.read64(bitmap + word * (long) Long.BYTES) != 0) {
                return true;
            }
        }
        return false;
    }

    /**
     * Claims the two pages of a pair, both or none.
     *
     * @return 0, or PAGE_NOT_FREE with the operand of the page that was taken
     */
    long claimPair(DonatedPage page0, DonatedPage page1) {
        if (!testAndSet(page0.tdmr(), page0.hpa())) {
            return TdxStatus.PAGE_NOT_FREE.with(page0.operand());
        }
        racePoints.reached(RacePoint.PAIR_HALF_CLAIMED);
        if (!testAndSet(page1.tdmr(), page1.hpa())) {
            racePoints.reached(RacePoint.PAIR_HALF_REFUSED);
            clear(page0.tdmr(), page0.hpa());
            return TdxStatus.PAGE_NOT_FREE.with(page1.operand());
        }
        return 0;
    }

    /** Gives the two pages of a pair back, one after the other. */
    void returnPair(Tdmr tdmr0, long page0Hpa, Tdmr tdmr1, long page1Hpa) {
        clear(tdmr0, page0Hpa);
        racePoints.reached(RacePoint.PAIR_HALF_RETURNED);
        clear(tdmr1, page1Hpa);
    }

    private boolean testAndSet(Tdmr tdmr, long hpa) {
        long word = tdmr.bitmapHpa(hpa);
        long bit = tdmr.bitmapBit(hpa);
        return (Words.fao(memory.page(word), SparseMemory.wordIndex(word), bit) & bit) == 0;
    }

    private void clear(Tdmr tdmr, long hpa) {
        long word = tdmr.bitmapHpa(hpa);
        Words.fan(memory.page(word), SparseMemory.wordIndex(word), ~tdmr.bitmapBit(hpa));
    }
}
