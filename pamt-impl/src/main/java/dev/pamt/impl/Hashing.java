package dev.pamt.impl;

/** Spreads region numbers, which are small and dense. */
final class Hashing {
    /** 2^64 divided by the golden ratio (Knuth, multiplicative hashing). */
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

    private Hashing() {}

    /** A number whose low 32 bits depend on all bits of the key. */
    static long spread(long key) {
        return (key * GOLDEN) >>> 32;
    }
}
