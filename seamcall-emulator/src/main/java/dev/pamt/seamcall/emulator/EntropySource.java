package dev.pamt.seamcall.emulator;

import java.util.Random;

/**
 * Says whether the processor's random number generator has something to give. When it has not, MNG.CREATE and MNG.ADDCX
 * are answered RND_NO_ENTROPY, and SYS.KEY.CONFIG and MNG.KEY.CONFIG KEY_GENERATION_FAILED.
 *
 * <p><b>Thread-safety:</b> any thread may ask at any time. An implementation should answer at once.
 */
@FunctionalInterface
public interface EntropySource {
    /**
     * Asks for entropy once.
     *
     * @return false if there is none
     */
    boolean available();

    /**
     * Never runs out.
     *
     * @return a source that always has entropy
     */
    static EntropySource always() {
        return () -> true;
    }

    /**
     * Runs out now and then, in the same order for the same seed.
     *
     * @param seed picks the order
     * @param oneIn about one request in so many fails, at least 1
     * @return the source
     * @throws IllegalArgumentException if {@code oneIn} is less than 1
     */
    static EntropySource failing(long seed, int oneIn) {
        if (oneIn < 1) {
            throw new IllegalArgumentException("about one request in so many fails, at least 1, not " + oneIn);
        }
        // Of the JDK's generators with a seed, the one that any number of threads can draw from.
        Random random = new Random(seed);
        return () -> random.nextInt(oneIn) != 0;
    }
}
