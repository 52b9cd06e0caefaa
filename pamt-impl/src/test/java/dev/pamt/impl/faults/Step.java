package dev.pamt.impl.faults;

/** What a scenario calls. */
enum Step {
    GET,
    PUT,
    ALLOC_PAGE,
    FREE_PAGE,
    MAP,
    UNMAP,
    DEMOTE,
    PROMOTE,
    TRIM,
    FILL_CACHE,
    CLOSE_CACHE,
    CLOSE;

    /** Whether the caller has nothing left to do about an exception, so that there must be none. */
    boolean neverThrows() {
        return this == PUT || this == FREE_PAGE || this == TRIM || this == CLOSE_CACHE;
    }
}
