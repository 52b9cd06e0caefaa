package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * The Physical Address Metadata Table: finds, checks and locks the page that an address names.
 *
 * <p>Of a page that the host names, the way is a {@link PamtWalk}; of one that the module knows from its own structures, an
 * {@link ImplicitEntry}.
 *
 * <p>Concurrency: all state is in words of {@link SparseMemory}. Entries are guarded by their own locks, taken from the 1G
 * entry downwards and never waited for.
 *
 * <p>Source: TDX module 1.5.25, pamt_manager.c; the checks, check_and_lock_explicit_4k_private_hpa and its like in helpers.c.
 */
public final class Pamt {
    /** The bit beside a returned page that says it was the last one of its region in use. */
    public static final long REMOVAL_HINT = Seamcalls.REMOVAL_HINT;

    private final TdmrTable tdmrs;
    private final HpaRules hpas;
    private final PamtEntries entries;
    private final PageBitmap bitmap;

    /** Makes the PAMT of the memory that the TDMRs describe. */
    public Pamt(Machine machine, TdmrTable tdmrs) {
        this.tdmrs = tdmrs;
        hpas = machine.hpas();
        entries = new PamtEntries(machine, tdmrs);
        bitmap = new PageBitmap(machine);
    }

    PamtEntries entries() {
        return entries;
    }

    PageBitmap bitmap() {
        return bitmap;
    }

    /** Whether PAMT_4K entries live in page pairs. */
    public boolean dynamic() {
        return entries.dynamic();
    }

    /**
     * Checks an address that the host names and walks to its entry.
     *
     * @param walk receives the result; holds nothing if the walk fails
     * @param hpa the address, which must be a multiple of the target's size
     * @param operand the operand that has the address
     * @param mode how the entry at the end is locked
     * @param target where to stop at the latest
     * @return 0 with the walk held, or the status
     */
    public long locate(PamtWalk walk, long hpa, TdxOperand operand, LockMode mode, PageLevel target) {
        if (!hpas.isAligned(hpa, target.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(operand);
        }
        Tdmr tdmr = tdmrs.usable(hpa);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(operand);
        }
        return walk.take(entries, tdmr, hpa, mode, target) ? 0 : TdxStatus.OPERAND_BUSY.with(operand);
    }

    /**
     * Checks and locks a 4K page that the host names: the page must be of a type, and a new one must be free.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockPage(PamtWalk walk, long hpa, TdxOperand operand, LockMode mode, int expectedType) {
        long status = locate(walk, hpa, operand, mode, PageLevel.SIZE_4K);
        return status != 0 ? status : keepIf(checkPage(walk, hpa, expectedType), walk, operand);
    }

    private TdxStatus checkPage(PamtWalk walk, long hpa, int expectedType) {
        int type = walk.type();
        if (walk.level() != PageLevel.SIZE_4K) {
            boolean pairMissing = dynamic()
                    && walk.level() == PageLevel.SIZE_2M
                    && type == PageType.NDA
                    && expectedType == PageType.NDA;
            return pairMissing ? TdxStatus.MISSING_PAMT_PAGE_PAIR : TdxStatus.PAGE_METADATA_INCORRECT;
        }
        boolean good = type == expectedType && !(type == PageType.NDA && isDonatedOrReserved(walk.tdmr(), hpa));
        return good ? TdxStatus.SUCCESS : TdxStatus.PAGE_METADATA_INCORRECT;
    }

    /**
     * Checks and locks a free page at whatever level it is free: no page pair is needed.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockFreePage(PamtWalk walk, long hpa, TdxOperand operand, LockMode mode) {
        long status = locate(walk, hpa, operand, mode, PageLevel.SIZE_4K);
        if (status != 0) {
            return status;
        }
        boolean free = walk.type() == PageType.NDA && !isDonatedOrReserved(walk.tdmr(), hpa);
        return keepIf(free ? TdxStatus.SUCCESS : TdxStatus.PAGE_METADATA_INCORRECT, walk, operand);
    }

    /**
     * Checks and locks a free 2M region that is to become one page: it must have no pair, and none of its pages may be
     * part of one or reserved.
     *
     * @return 0 with the walk held, or the status
     */
    public long lockFreeRegion(PamtWalk walk, long hpa, TdxOperand operand) {
        long status = locate(walk, hpa, operand, LockMode.EXCLUSIVE, PageLevel.SIZE_2M);
        if (status != 0) {
            return status;
        }
        boolean free =
                walk.level() == PageLevel.SIZE_2M && walk.type() == PageType.NDA && isRegionFree(walk.tdmr(), hpa);
        return keepIf(free ? TdxStatus.SUCCESS : TdxStatus.PAGE_METADATA_INCORRECT, walk, operand);
    }

    private boolean isRegionFree(Tdmr tdmr, long hpa) {
        if (dynamic()) {
            return !bitmap.containsAnyOf(tdmr, hpa);
        }
        long children = tdmr.pamtEntryHpa(hpa, PageLevel.SIZE_4K);
        return !entries.anyInUse(children) && !entries.anyInUse(children + SparseMemory.PAGE_BYTES);
    }

    private static long keepIf(TdxStatus check, PamtWalk walk, TdxOperand operand) {
        if (check == TdxStatus.SUCCESS) {
            return 0;
        }
        walk.release();
        return check.with(operand);
    }

    /**
     * Finds the entry of a page that the module itself has recorded. Anything but a page in use of that level means that
     * the PAMT contradicts the module's other structures, which is fatal.
     */
    public ImplicitEntry implicit(long hpa, PageLevel level) {
        return ImplicitEntry.find(entries, tdmrs, hpa, level);
    }

    /** The type of the page that an address lies in, read without any lock. */
    public int typeOf(Tdmr tdmr, long hpa) {
        return entries.typeOf(tdmr, hpa);
    }

    /** The address of an entry, found without any lock; for a 4K page whose region has no pair, one below 4096. */
    public long entryHpa(Tdmr tdmr, long hpa, PageLevel level) {
        return entries.entryHpa(tdmr, hpa, level);
    }

    /** Whether the page bitmap has the bit of a page set; always false in static mode. */
    public boolean isDonatedOrReserved(Tdmr tdmr, long hpa) {
        return dynamic() && bitmap.contains(tdmr, hpa);
    }
}
