package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * A page that the host gives for a page pair: its checks and its lock, which is shared.
 *
 * <p>Belongs to one call. {@link #release} may be called on a page that is not locked.
 */
final class DonatedPage {
    private final long hpa;
    private final TdxOperand operand;
    private final PamtWalk walk = new PamtWalk();
    private Tdmr tdmr;

    DonatedPage(long hpa, TdxOperand operand) {
        this.hpa = hpa;
        this.operand = operand;
    }

    long hpa() {
        return hpa;
    }

    TdxOperand operand() {
        return operand;
    }

    /** The TDMR of the page, once its range is checked. */
    Tdmr tdmr() {
        return tdmr;
    }

    /** Checks the address itself; the status, or 0. */
    long checkFormat(HpaRules hpas) {
        return hpas.isAligned(hpa, PageLevel.SIZE_4K.bytes()) ? 0 : TdxStatus.OPERAND_INVALID.with(operand);
    }

    /** Checks that the page has a TDMR whose PAMT is made; the status, or 0. */
    long checkRange(TdmrTable tdmrs) {
        tdmr = tdmrs.usable(hpa);
        return tdmr != null ? 0 : TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(operand);
    }

    /** Locks the page and checks that no TD has it; the status, or 0. Only the page bitmap knows of other pairs. */
    long lock(PamtEntries entries) {
        if (!walk.take(entries, tdmr, hpa, LockMode.SHARED, PageLevel.SIZE_4K)) {
            entries.reached(RacePoint.DONOR_REFUSED);
            return TdxStatus.OPERAND_BUSY.with(operand);
        }
        return walk.type() == PageType.NDA ? 0 : TdxStatus.PAGE_NOT_FREE.with(operand);
    }

    /** Whether the page lies in a 2M region. */
    boolean isIn(long regionHpa) {
        return (hpa & -PageLevel.SIZE_2M.bytes()) == regionHpa;
    }

    void release() {
        walk.release();
    }
}
