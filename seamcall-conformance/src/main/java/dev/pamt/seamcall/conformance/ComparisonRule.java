package dev.pamt.seamcall.conformance;

/**
 * Something that may be left out of the comparison, because no software can rely on it. Nothing is left out unless a rule
 * was named. Immutable and thread-safe.
 */
public enum ComparisonRule {
    /**
     * Of a PAMT_2M entry that is free (PT_NDA) only the lock and the type are compared: the owner, the pair's addresses and
     * the page count that its last use left behind are not.
     */
    STALE_FREE_ENTRY
}
