package dev.pamt.seamcall.emulator.platform;

/**
 * Hears when a call comes to a place where another processor can make a difference. Tests stop a thread there to bring
 * about, every time, what otherwise happens once in a million; a machine in use does nothing.
 */
@FunctionalInterface
public interface Schedule {
    /** The places. */
    enum Step {
        /** A walk shares a 2M entry that it wants exclusively, and has not promoted the lock yet. */
        WALK_BEFORE_PROMOTE_2M,
        /** The promotion failed, and the share is not given back yet. */
        WALK_PROMOTE_REFUSED_2M,
        /** ADD has its region locked, and has not looked at the donated pages yet. */
        REGION_LOCKED,
        /** A donated page's region was locked by somebody else, and ADD has its own region still locked. */
        DONOR_REFUSED,
        /** ADD or DEMOTE has claimed the first page of a pair in the bitmap and not the second one. */
        PAIR_HALF_CLAIMED,
        /** The second page was refused, and the first one is not given back yet. */
        PAIR_HALF_REFUSED,
        /** REMOVE or PROMOTE has given the first page of a pair back in the bitmap and not the second one. */
        PAIR_HALF_RETURNED,
        /** A page that was found through the S-EPT is free and still counted. */
        PAGE_FREE_BUT_COUNTED,
        /** AUG has published the S-EPT entry, whose page is still free. */
        ENTRY_VISIBLE_PAGE_FREE
    }

    /** Comes by on the calling thread. */
    void at(Step step);

    /** Does nothing. */
    static Schedule free() {
        return step -> {};
    }
}
