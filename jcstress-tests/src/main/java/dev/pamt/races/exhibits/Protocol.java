package dev.pamt.races.exhibits;

/** Keeps one region backed for as long as it is used, or about to be. */
public interface Protocol {
    /**
     * Takes a reference. If a pair has to be installed its pages are those of the donor that the protocol was made with.
     *
     * @return whether the caller may use pages of the region; an error otherwise, and no reference
     */
    boolean get();

    /**
     * Drops a reference, after the call that released the page has returned.
     *
     * @param hint what that call said: the page was the region's last one in use
     */
    void put(boolean hint);
}
