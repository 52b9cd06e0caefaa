package dev.pamt.impl.faults;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.seamcall.TdxStatus;

/** A call of the module that the manager has made, and what has come of it. */
final class ModuleCall {
    private final Site site;
    private final long regionHpa;
    private final long page0Hpa;
    private final long page1Hpa;
    private long status;
    private Throwable thrown;
    private boolean lie;

    ModuleCall(Site site, long regionHpa, long page0Hpa, long page1Hpa) {
        this.site = site;
        this.regionHpa = regionHpa;
        this.page0Hpa = page0Hpa;
        this.page1Hpa = page1Hpa;
    }

    ModuleCall(Site site, long regionHpa) {
        this(site, regionHpa, PageAllocator.NONE, PageAllocator.NONE);
    }

    Site site() {
        return site;
    }

    long regionHpa() {
        return regionHpa;
    }

    /** The first page of the pair that is handed over; NONE if none is. */
    long page0Hpa() {
        return page0Hpa;
    }

    long page1Hpa() {
        return page1Hpa;
    }

    boolean handsPairOver() {
        return site == Site.ADD || site == Site.DEMOTE;
    }

    /** Whether it only asks whether there is a module: no module takes a pair of misaligned pages. */
    boolean isProbe() {
        return site == Site.ADD && page0Hpa == 1 && page1Hpa == 1;
    }

    long answered(long answer) {
        status = answer;
        return answer;
    }

    long lied(long answer) {
        lie = true;
        return answered(answer);
    }

    void threw(Throwable instead) {
        thrown = instead;
    }

    long status() {
        return status;
    }

    /** What was thrown in place of an answer; null if it was answered. */
    Throwable thrown() {
        return thrown;
    }

    /** Whether the answer was a success that names other pages than the pair's. */
    boolean isLie() {
        return lie;
    }

    @Override
    public String toString() {
        return (isProbe() ? "probe" : site + String.format("(0x%x)", regionHpa))
                + (thrown != null ? " threw " + thrown : " answered " + TdxStatus.toString(status))
                + (lie ? " with other pages" : "");
    }
}
