package dev.pamt.impl.host;

/** Spreads numbers that are small and dense, such as those of regions and threads (Fibonacci hashing). */
public final class Hashing {
    /** 2^64 divided by the golden ratio (Knuth, multiplicative hashing). */
    private static final long GOLDEN = 0x9E37_79B9_7F4A_7C15L;

    private Hashing() {}

    /**
     * Spreads the bits of a key.
     *
     * @param key a number
     * @return a number whose low 32 bits depend on all bits of the key
     */
    public static long spread(long key) {
        return (key * GOLDEN) >>> 32;
    }
}
