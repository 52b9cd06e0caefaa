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
        /** No page pair is installed, or a thread is about to install or to remove one. */
        EMPTY,
        /** A page pair is installed and the region has users. */
        BACKED,
        /** A page pair is installed and nobody uses the region. */
        IDLE,
        /** The region is mapped as one 2M page and must have no page pair. */
        HUGE,
        /** The region is a chunk that page pairs are cut from. */
        DONOR,
        /** No page of the region lies in the memory map. */
        OUTSIDE
    }

    @Override
    public String toString() {
        return kind == Kind.BACKED ? "BACKED(" + users + ")" : kind.toString();
    }
}
