package dev.pamt.seamcall.emulator.platform;

/** A place in a call where another processor can make a difference. */
public enum RacePoint {
    /** A walk shares a 2M entry that it wants exclusively, and has not promoted the lock yet. */
    WALK_BEFORE_PROMOTE_2M,
    /** The promotion failed, and the share is not given back yet. */
    WALK_PROMOTE_REFUSED_2M,
    /** ADD has its region locked, and has not checked the donated pages yet. */
    REGION_LOCKED,
    /** Another call holds the region of a donated page, and ADD or DEMOTE has its own region still locked. */
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
    ENTRY_VISIBLE_PAGE_FREE;

    /**
     * Is called when a call reaches a race point. Tests stop a thread there to bring about, every time, what otherwise
     * happens once in a million; a machine in use does nothing.
     */
    @FunctionalInterface
    public interface Listener {
        /** Called on the thread of the call, which goes on when this returns. */
        void reached(RacePoint point);

        /** Does nothing. */
        static Listener none() {
            return point -> {};
        }
    }
}
