package dev.pamt.seamcall.emulator.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Accesses to 64-bit words of emulated memory, the memory order of each in its name.
 *
 * <p>A word that several processors touch (a PAMT entry, a piece of the page bitmap, an S-EPT entry) is only ever
 * accessed through this class. The names: {@code lp} plain load, {@code la} load-acquire, {@code lv} volatile load,
 * {@code sp} plain store, {@code so} store-release, {@code cas} compare-and-set, {@code faa} fetch-and-add, {@code fao}
 * fetch-and-or, {@code fan} fetch-and-and. The read-modify-writes are full fences, as {@code lock}-prefixed instructions
 * are; so a lock taken with one of them orders what it protects, and the plain forms suffice under an exclusive lock.
 */
public final class Words {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);

    private Words() {}

    /** Loads a word that no other thread writes now. */
    public static long lp(long[] words, int index) {
        return words[index];
    }

    /** Loads a word; what its writer did before storing it is visible. */
    public static long la(long[] words, int index) {
        return (long) WORD.getAcquire(words, index);
    }

    /** Loads a word in the order of all volatile accesses. */
    public static long lv(long[] words, int index) {
        return (long) WORD.getVolatile(words, index);
    }

    /** Stores a word that no other thread reads now. */
    public static void sp(long[] words, int index, long value) {
        words[index] = value;
    }

    /** Stores a word; a thread that sees it sees what was done before. */
    public static void so(long[] words, int index, long value) {
        WORD.setRelease(words, index, value);
    }

    /** Stores a word in the order of all volatile accesses. */
    public static void sv(long[] words, int index, long value) {
        WORD.setVolatile(words, index, value);
    }

    /** Replaces a word if it is what was expected. */
    public static boolean cas(long[] words, int index, long expected, long value) {
        return WORD.compareAndSet(words, index, expected, value);
    }

    /** Adds to a word and returns what it was. */
    public static long faa(long[] words, int index, long delta) {
        return (long) WORD.getAndAdd(words, index, delta);
    }

    /** Sets bits of a word and returns what it was. */
    public static long fao(long[] words, int index, long bits) {
        return (long) WORD.getAndBitwiseOr(words, index, bits);
    }

    /** Keeps bits of a word, clears the others, and returns what it was. */
    public static long fan(long[] words, int index, long bits) {
        return (long) WORD.getAndBitwiseAnd(words, index, bits);
    }
}
