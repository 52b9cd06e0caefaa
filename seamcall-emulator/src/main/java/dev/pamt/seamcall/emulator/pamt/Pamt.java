package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * The Physical Address Metadata Table: where the entry of an address is, the walk to it, and the page bitmap.
 *
 * <p>A PAMT_1G and a PAMT_2M entry lie in the arrays of the TDMR; a PAMT_4K entry lies in an array, too (static mode), or
 * in the page pair that its PAMT_2M entry names (dynamic mode). The page bitmap has a bit for each 4K page, set if the
 * page is part of a pair or reserved.
 *
 * <p>Concurrency: all state is in words of {@link SparseMemory}. Entries are guarded by their own locks, taken from the 1G
 * entry downwards and never waited for; bits of the bitmap are guarded by nothing but their atomic test-and-set, so a
 * reader without further locks sees each bit for itself.
 *
 * <p>Source: TDX module 1.5.25, pamt_manager.c; facts 3.2 to 3.5.
 */
public final class Pamt {
    /** The bit beside a returned page that says it was the last one of its region in use. */
    public static final long REMOVAL_HINT = Seamcalls.REMOVAL_HINT;

    /** The number of PAMT_4K entries of a 2M region. */
    public static final int ENTRIES_PER_REGION = 512;

    private static final int ENTRIES_PER_PAGE = 256;
    private static final int WORDS_PER_ENTRY = 2;
    private static final long REGION_MASK = PageLevel.SIZE_2M.bytes() - 1;

    private final SparseMemory memory;
    private final TdmrTable tdmrs;
    private final HpaRules hpas;
    private final RacePoint.Listener racePoints;

    /** Makes the PAMT of the memory that the TDMRs describe. */
    public Pamt(Machine machine, TdmrTable tdmrs) {
        this.tdmrs = tdmrs;
        memory = machine.memory();
        hpas = machine.hpas();
        racePoints = machine.racePoints();
    }

    /** Whether PAMT_4K entries live in page pairs. */
    public boolean dynamic() {
        return tdmrs.dynamicPamt();
    }

    /**
     * Walks to the entry of an address, taking locks on the way.
     *
     * @param walk receives the result; holds nothing if the walk fails
     * @param tdmr the TDMR of the address
     * @param hpa the address
     * @param mode how the entry at the end is locked
     * @param target where to stop at the latest
     * @return false if a lock was held by somebody else
     */
    public boolean walk(PamtWalk walk, Tdmr tdmr, long hpa, LockMode mode, PageLevel target) {
        long entry1g = tdmr.pamt1gHpa(hpa);
        long[] words1g = memory.page(entry1g);
        int index1g = SparseMemory.wordIndex(entry1g);
        if (!HostPriorityLock.acquireShared(words1g, index1g)) {
            return false;
        }
        walk.at(PageLevel.SIZE_1G, words1g, index1g);
        if (target == PageLevel.SIZE_1G || PamtEntry.type(words1g, index1g) != PageType.NDA) {
            if (mode == LockMode.EXCLUSIVE && !HostPriorityLock.promote(words1g, index1g)) {
                HostPriorityLock.releaseShared(words1g, index1g);
                return false;
            }
            walk.held(PageLevel.SIZE_1G, mode == LockMode.EXCLUSIVE);
            return true;
        }
        if (walkFrom1g(walk, tdmr, hpa, mode, target)) {
            return true;
        }
        HostPriorityLock.releaseShared(words1g, index1g);
        return false;
    }

    /** Reports that the call has reached a race point. */
    void reached(RacePoint point) {
        racePoints.reached(point);
    }

    private boolean walkFrom1g(PamtWalk walk, Tdmr tdmr, long hpa, LockMode mode, PageLevel target) {
        long entry2m = tdmr.pamt2mHpa(hpa);
        long[] words2m = memory.page(entry2m);
        int index2m = SparseMemory.wordIndex(entry2m);
        if (!HostPriorityLock.acquireShared(words2m, index2m)) {
            return false;
        }
        walk.at(PageLevel.SIZE_2M, words2m, index2m);
        boolean nonLeaf = PamtEntry.type(words2m, index2m) == nonLeafType();
        if (target == PageLevel.SIZE_2M || !nonLeaf) {
            if (mode == LockMode.EXCLUSIVE) {
                racePoints.reached(RacePoint.WALK_BEFORE_PROMOTE_2M);
                if (!HostPriorityLock.promote(words2m, index2m)) {
                    racePoints.reached(RacePoint.WALK_PROMOTE_REFUSED_2M);
                    HostPriorityLock.releaseShared(words2m, index2m);
                    return false;
                }
            }
            walk.held(PageLevel.SIZE_2M, mode == LockMode.EXCLUSIVE);
            return true;
        }
        long entry4k = entry4kHpa(tdmr, hpa, words2m, index2m);
        long[] words4k = memory.page(entry4k);
        int index4k = SparseMemory.wordIndex(entry4k);
        if (!mode.acquire(words4k, index4k)) {
            HostPriorityLock.releaseShared(words2m, index2m);
            return false;
        }
        walk.at(PageLevel.SIZE_4K, words4k, index4k);
        walk.held(PageLevel.SIZE_4K, mode == LockMode.EXCLUSIVE);
        return true;
    }

    /**
     * Checks and locks a 4K page that the host names: the page must be of a type, and a new one must be free.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockPage(PamtWalk walk, long hpa, TdxOperand operand, LockMode mode, int expectedType) {
        if (!hpas.isAligned(hpa, PageLevel.SIZE_4K.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(operand);
        }
        Tdmr tdmr = tdmrs.usable(hpa);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(operand);
        }
        if (!walk(walk, tdmr, hpa, mode, PageLevel.SIZE_4K)) {
            return TdxStatus.OPERAND_BUSY.with(operand);
        }
        TdxStatus status = checkPage(walk, tdmr, hpa, expectedType);
        if (status == TdxStatus.SUCCESS) {
            return 0;
        }
        walk.release();
        return status.with(operand);
    }

    /**
     * Checks and locks a free page at whatever level it is free: no page pair is needed.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockFreePage(PamtWalk walk, long hpa, TdxOperand operand, LockMode mode) {
        if (!hpas.isAligned(hpa, PageLevel.SIZE_4K.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(operand);
        }
        Tdmr tdmr = tdmrs.usable(hpa);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(operand);
        }
        if (!walk(walk, tdmr, hpa, mode, PageLevel.SIZE_4K)) {
            return TdxStatus.OPERAND_BUSY.with(operand);
        }
        if (walk.type() == PageType.NDA && !isDonatedOrReserved(tdmr, hpa)) {
            return 0;
        }
        walk.release();
        return TdxStatus.PAGE_METADATA_INCORRECT.with(operand);
    }

    /**
     * Checks and locks a free 2M region that is to become one page: it must have no pair, and none of its pages may be
     * part of one or reserved.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockFreeRegion(PamtWalk walk, long hpa, TdxOperand operand) {
        if (!hpas.isAligned(hpa, PageLevel.SIZE_2M.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(operand);
        }
        Tdmr tdmr = tdmrs.usable(hpa);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(operand);
        }
        if (!walk(walk, tdmr, hpa, LockMode.EXCLUSIVE, PageLevel.SIZE_2M)) {
            return TdxStatus.OPERAND_BUSY.with(operand);
        }
        if (walk.level() == PageLevel.SIZE_2M && walk.type() == PageType.NDA && isRegionFree(tdmr, hpa)) {
            return 0;
        }
        walk.release();
        return TdxStatus.PAGE_METADATA_INCORRECT.with(operand);
    }

    private boolean isRegionFree(Tdmr tdmr, long hpa) {
        if (!dynamic()) {
            return !anyInUse(tdmr.pamt4kHpa(hpa)) && !anyInUse(tdmr.pamt4kHpa(hpa) + SparseMemory.PAGE_BYTES);
        }
        long bitmap = tdmr.bitmapHpa(hpa);
        for (int word = 0; word < ENTRIES_PER_REGION / Long.SIZE; word++) {
            if (memory.read64(bitmap + word * (long) Long.BYTES) != 0) {
                return false;
            }
        }
        return true;
    }

    private TdxStatus checkPage(PamtWalk walk, Tdmr tdmr, long hpa, int expectedType) {
        int type = walk.type();
        if (walk.level() != PageLevel.SIZE_4K) {
            boolean pairMissing = dynamic()
                    && walk.level() == PageLevel.SIZE_2M
                    && type == PageType.NDA
                    && expectedType == PageType.NDA;
            return pairMissing ? TdxStatus.MISSING_PAMT_PAGE_PAIR : TdxStatus.PAGE_METADATA_INCORRECT;
        }
        boolean good = type == expectedType && !(type == PageType.NDA && isDonatedOrReserved(tdmr, hpa));
        return good ? TdxStatus.SUCCESS : TdxStatus.PAGE_METADATA_INCORRECT;
    }

    /**
     * Finds the entry of a page that the module itself has recorded. Anything but a page in use of that level means that
     * the PAMT contradicts the module's other structures, which is fatal.
     */
    public ImplicitEntry implicit(long hpa, PageLevel level) {
        Tdmr tdmr = tdmrs.usable(hpa);
        ModuleFatal.unless(tdmr != null, 109);
        long[] parentWords = null;
        int parentIndex = 0;
        long entry;
        if (level == PageLevel.SIZE_4K) {
            long parent = tdmr.pamt2mHpa(hpa);
            parentWords = memory.page(parent);
            parentIndex = SparseMemory.wordIndex(parent);
            ModuleFatal.unless(!dynamic() || PamtEntry.type(parentWords, parentIndex) == PageType.PAMT, 336);
            entry = entry4kHpa(tdmr, hpa, parentWords, parentIndex);
        } else {
            entry = level == PageLevel.SIZE_2M ? tdmr.pamt2mHpa(hpa) : tdmr.pamt1gHpa(hpa);
        }
        long[] words = memory.page(entry);
        int index = SparseMemory.wordIndex(entry);
        int type = PamtEntry.type(words, index);
        ModuleFatal.unless(type != PageType.NDA && type != PageType.RSVD, 339);
        ModuleFatal.unless(type != PageType.PAMT, 340);
        return new ImplicitEntry(words, index, parentWords, parentIndex);
    }

    /** The type of the page that an address lies in, read without any lock. */
    public int typeOf(Tdmr tdmr, long hpa) {
        int type = PamtEntry.typeOf(memory.read64(tdmr.pamt1gHpa(hpa)));
        if (type != PageType.NDA) {
            return type;
        }
        long entry2m = tdmr.pamt2mHpa(hpa);
        type = PamtEntry.typeOf(memory.read64(entry2m));
        if (type != nonLeafType()) {
            return type;
        }
        return PamtEntry.typeOf(
                memory.read64(entry4kHpa(tdmr, hpa, memory.page(entry2m), SparseMemory.wordIndex(entry2m))));
    }

    /** Whether the page bitmap has the bit of a page set; always false in static mode. */
    public boolean isDonatedOrReserved(Tdmr tdmr, long hpa) {
        return dynamic() && (memory.read64(tdmr.bitmapHpa(hpa)) & tdmr.bitmapBit(hpa)) != 0;
    }

    /**
     * Claims the two pages of a pair in the page bitmap, both or none.
     *
     * @return 0, or PAGE_NOT_FREE with the operand of the page that was taken
     */
    long claimPair(Tdmr tdmr0, long page0Hpa, TdxOperand operand0, Tdmr tdmr1, long page1Hpa, TdxOperand operand1) {
        if (!testAndSet(tdmr0, page0Hpa)) {
            return TdxStatus.PAGE_NOT_FREE.with(operand0);
        }
        racePoints.reached(RacePoint.PAIR_HALF_CLAIMED);
        if (!testAndSet(tdmr1, page1Hpa)) {
            racePoints.reached(RacePoint.PAIR_HALF_REFUSED);
            clear(tdmr0, page0Hpa);
            return TdxStatus.PAGE_NOT_FREE.with(operand1);
        }
        return 0;
    }

    /** Gives the two pages of a pair back in the page bitmap, one after the other. */
    void returnPair(Tdmr tdmr0, long page0Hpa, Tdmr tdmr1, long page1Hpa) {
        clear(tdmr0, page0Hpa);
        racePoints.reached(RacePoint.PAIR_HALF_RETURNED);
        clear(tdmr1, page1Hpa);
    }

    private void clear(Tdmr tdmr, long hpa) {
        long word = tdmr.bitmapHpa(hpa);
        Words.fan(memory.page(word), SparseMemory.wordIndex(word), ~tdmr.bitmapBit(hpa));
    }

    /** Whether one of 256 consecutive PAMT_4K entries is in use, of whatever lock state. */
    boolean anyInUse(long pairPageHpa) {
        long[] words = memory.pageOrNull(pairPageHpa);
        if (words == null) {
            return false;
        }
        for (int index = 0; index < ENTRIES_PER_PAGE * WORDS_PER_ENTRY; index += WORDS_PER_ENTRY) {
            if (PamtEntry.type(words, index) != PageType.NDA) {
                return true;
            }
        }
        return false;
    }

    private int nonLeafType() {
        return dynamic() ? PageType.PAMT : PageType.NDA;
    }

    private long entry4kHpa(Tdmr tdmr, long hpa, long[] words2m, int index2m) {
        if (!dynamic()) {
            return tdmr.pamt4kHpa(hpa);
        }
        int entry = (int) ((hpa & REGION_MASK) >>> PageLevel.SIZE_4K.shift());
        long pairPage = entry < ENTRIES_PER_PAGE
                ? PamtEntry.pairPage0(words2m, index2m)
                : PamtEntry.pairPage1(words2m, index2m);
        return pairPage + (long) (entry % ENTRIES_PER_PAGE) * Tdmr.ENTRY_BYTES;
    }

    private boolean testAndSet(Tdmr tdmr, long hpa) {
        long word = tdmr.bitmapHpa(hpa);
        long bit = tdmr.bitmapBit(hpa);
        return (Words.fao(memory.page(word), SparseMemory.wordIndex(word), bit) & bit) == 0;
    }
}
