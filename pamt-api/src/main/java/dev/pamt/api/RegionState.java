package dev.pamt.api;

import java.io.Serializable;

/**
 * What the manager knows of a region at one moment, for diagnosis.
 *
 * <p>Immutable and thread-safe.
 *
 * @param kind the state of the region
 * @param users how many users it has; 0 unless the kind is {@link Kind#BACKED}
 */
public record RegionState(Kind kind, int users) implements Serializable {
    /** The states of a region. */
    public enum Kind {
        /** No page pair is installed. */
        EMPTY,
        /** A page pair is installed and the region has users. */
        BACKED,
        /** A page pair is installed and the region has no users. */
        IDLE,
        /** The region is mapped as one 2M page and must have no page pair. */
        HUGE,
        /** The region is a chunk that page pairs are cut from. */
        DONOR,
        /**
         * A SEAMCALL for the region is under way, or the last one got no answer, so that no one knows whether a page pair is
         * installed. The region has no users. The next get, map2M, trim or close settles it with a REMOVE.
         */
        UNKNOWN,
        /** The module works without Dynamic PAMT: the metadata of the region is always there, and users are not counted. */
        STATIC,
        /** No page of the region lies in the memory map. */
        OUTSIDE
    }

    @Override
    public String toString() {
        return kind == Kind.BACKED ? "BACKED(" + users + ")" : kind.toString();
    }
}
