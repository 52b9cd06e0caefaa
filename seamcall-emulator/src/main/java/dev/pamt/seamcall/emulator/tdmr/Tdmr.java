package dev.pamt.seamcall.emulator.tdmr;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A TDMR that SYS.CONFIG has accepted: where its PAMT is, and how far SYS.TDMR.INIT has come.
 *
 * <p>Everything is fixed but {@code nextHpa}, which only grows, by the one thread that holds {@code initMutex}, and is
 * stored with release after the PAMT of the step was made: a thread that sees a block below it sees its PAMT.
 */
public final class Tdmr {
    /** Bytes of a PAMT entry of any level. */
    public static final int ENTRY_BYTES = 16;

    private static final long GIB = PageLevel.SIZE_1G.bytes();
    private static final int STATIC_STEP_PAGES = 1024;
    private static final int DYNAMIC_STEP_PAGES = 4096;
    private static final long TYPE_RESERVED = 1L << 16;

    private final TdmrInfo info;
    private final boolean dynamicPamt;
    private final AtomicBoolean initMutex = new AtomicBoolean();
    private volatile long nextHpa;

    Tdmr(TdmrInfo info, boolean dynamicPamt) {
        this.info = info;
        this.dynamicPamt = dynamicPamt;
        this.nextHpa = info.baseHpa();
    }

    /** The first address. */
    public long baseHpa() {
        return info.baseHpa();
    }

    /** The address behind the last one. */
    public long endHpa() {
        return info.endHpa();
    }

    /** The address up to which whole blocks of 1 GiB are initialised. */
    public long usableEndHpa() {
        return nextHpa & -GIB;
    }

    /** Whether every block is initialised. */
    public boolean complete() {
        return nextHpa >= endHpa();
    }

    /** The address of the PAMT entry of an address in the array of a level; there is one for 4K pages in static mode only. */
    public long pamtEntryHpa(long hpa, PageLevel level) {
        TdmrInfo.Area array =
                switch (level) {
                    case SIZE_1G -> info.pamt1g();
                    case SIZE_2M -> info.pamt2m();
                    case SIZE_4K -> info.pamt4k();
                };
        return array.start() + indexOf(hpa, level) * ENTRY_BYTES;
    }

    /** The address of the word of the page bitmap that has the bit of an address, in dynamic mode. */
    public long bitmapHpa(long hpa) {
        return info.pamt4k().start() + indexOf(hpa, PageLevel.SIZE_4K) / Long.SIZE * Long.BYTES;
    }

    /** The bit of an address in its word of the page bitmap. */
    public long bitmapBit(long hpa) {
        return 1L << indexOf(hpa, PageLevel.SIZE_4K);
    }

    /** Whether an address lies in the memory of the PAMT arrays or of the page bitmap. */
    public boolean isPamtMemory(long hpa) {
        return contains(info.pamt1g(), hpa) || contains(info.pamt2m(), hpa) || contains(info.pamt4k(), hpa);
    }

    /** Whether an address lies in a reserved area. */
    public boolean isReserved(long hpa) {
        for (int i = 0; i < TdmrInfo.RESERVED_AREAS && info.reserved().get(i).bytes() != 0; i++) {
            if (contains(info.reservedRange(i), hpa)) {
                return true;
            }
        }
        return false;
    }

    /** Tries to become the one thread that initialises this TDMR. */
    public boolean tryLockInit() {
        return initMutex.compareAndSet(false, true);
    }

    /** Lets another thread initialise. */
    public void unlockInit() {
        initMutex.set(false);
    }

    /**
     * Makes the PAMT of the next step, under the mutex: 4 MiB in static mode and 16 MiB in dynamic mode. Entries that are
     * free are zero, which memory is until it is written; so a step costs what the host left there, and its
     * reserved pages.
     */
    public void initialiseStep(SparseMemory memory) {
        long start = nextHpa;
        int pages = dynamicPamt ? DYNAMIC_STEP_PAGES : STATIC_STEP_PAGES;
        long end = start + (long) pages * SparseMemory.PAGE_BYTES;
        if (dynamicPamt) {
            memory.zeroWords(bitmapHpa(start), pages / Long.SIZE);
        } else {
            for (long hpa = pamtEntryHpa(start, PageLevel.SIZE_4K);
                    hpa < pamtEntryHpa(end, PageLevel.SIZE_4K);
                    hpa += SparseMemory.PAGE_BYTES) {
                memory.zeroPage(hpa);
            }
        }
        markReserved(memory, start, end);
        int regions = (int) ((end - start) >>> PageLevel.SIZE_2M.shift());
        memory.zeroWords(pamtEntryHpa(start, PageLevel.SIZE_2M), regions * ENTRY_BYTES / Long.BYTES);
        if ((end & GIB - 1) == 0) {
            memory.zeroWords(pamtEntryHpa(start, PageLevel.SIZE_1G), ENTRY_BYTES / Long.BYTES);
        }
        nextHpa = end;
    }

    private void markReserved(SparseMemory memory, long start, long end) {
        for (int i = 0; i < TdmrInfo.RESERVED_AREAS && info.reserved().get(i).bytes() != 0; i++) {
            TdmrInfo.Area area = info.reservedRange(i);
            long last = Math.min(area.end(), end);
            for (long hpa = Math.max(area.start(), start); hpa < last; hpa += SparseMemory.PAGE_BYTES) {
                if (dynamicPamt) {
                    long word = bitmapHpa(hpa);
                    Words.fao(memory.page(word), SparseMemory.wordIndex(word), bitmapBit(hpa));
                } else {
                    memory.write64(pamtEntryHpa(hpa, PageLevel.SIZE_4K), TYPE_RESERVED);
                }
            }
        }
    }

    private long indexOf(long hpa, PageLevel level) {
        return (hpa - info.baseHpa()) >>> level.shift();
    }

    private static boolean contains(TdmrInfo.Area area, long hpa) {
        return hpa >= area.start() && hpa < area.end();
    }
}
