package dev.pamt.seamcall.emulator.lock;

import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;

/**
 * The module's shared/exclusive lock with host priority, in the low 16 bits of a word of memory.
 *
 * <p>Bit 0 is the exclusive holder, bit 1 host priority (HP: a host call was turned away; keeps guests out), bits 15:2
 * count the sharers. Every acquire is one attempt and never waits. The moves, by the calls of the host:
 *
 * <pre>
 *   shared:     word + 4; exclusive held: also |= 2, busy (the 4 stays and goes with the exclusive release)
 *                         else HP set:    also &amp;= ~2, acquired
 *   exclusive:  0 -> 1, 2 -> 1; otherwise |= 2, busy
 *   promote:    4 -> 1, 6 -> 1; otherwise |= 2, busy (the caller still shares)
 *   release:    shared word - 4, exclusive word &amp;= 2
 * </pre>
 *
 * <p>{@link #promote} after {@link #acquireShared} is two steps and must stay two: of two threads between them (word 8)
 * neither gets through, which is what the real module does.
 *
 * <p>The upper 48 bits of the word belong to the holder and change only by addition under the exclusive lock, so a
 * 16-bit compare-and-swap is a 64-bit one that starts over when only they have changed. All accesses that decide are
 * read-modify-writes, hence full fences: what the previous holder stored is visible to the next.
 *
 * <p>Source: TDX module 1.5.25, tdx_locks.h (sharex_hp); the numbers are its fatal error ids.
 */
public final class HostPriorityLock {
    private static final long EXCLUSIVE = 1;
    private static final long HOST_PRIORITY = 1 << 1;
    private static final long SHARER = 1 << 2;
    private static final long SHARERS = 0xFFFC;
    private static final long LOCK_BITS = 0xFFFF;

    private HostPriorityLock() {}

    /** Tries to become a sharer. */
    public static boolean acquireShared(long[] words, int index) {
        long before = Words.faa(words, index, SHARER);
        if ((before & SHARERS) == SHARERS) {
            // The counter has 14 bits; take the carry out of the holder's bits.
            Words.faa(words, index, -(LOCK_BITS + 1));
        }
        if ((before & EXCLUSIVE) != 0) {
            Words.fao(words, index, HOST_PRIORITY);
            return false;
        }
        if ((before & HOST_PRIORITY) != 0) {
            Words.fan(words, index, ~HOST_PRIORITY);
        }
        ModuleFatal.unless((before & SHARERS) != SHARERS, 198);
        return true;
    }

    /** Tries to become the exclusive holder of a lock that the caller does not hold. */
    public static boolean acquireExclusive(long[] words, int index) {
        long found = compareAndSwap(words, index, 0, EXCLUSIVE);
        if (found == 0) {
            return true;
        }
        if (found == HOST_PRIORITY) {
            return compareAndSwap(words, index, HOST_PRIORITY, EXCLUSIVE) == HOST_PRIORITY;
        }
        Words.fao(words, index, HOST_PRIORITY);
        return false;
    }

    /** Tries to turn a sharer into the exclusive holder; if it fails, the caller is still a sharer. */
    public static boolean promote(long[] words, int index) {
        long found = compareAndSwap(words, index, SHARER, EXCLUSIVE);
        if (found == SHARER) {
            return true;
        }
        ModuleFatal.unless((found & EXCLUSIVE) == 0 && found != 0, 203);
        if (found == (SHARER | HOST_PRIORITY)) {
            found = compareAndSwap(words, index, SHARER | HOST_PRIORITY, EXCLUSIVE);
            ModuleFatal.unless((found & EXCLUSIVE) == 0 && found != 0, 204);
            return found == (SHARER | HOST_PRIORITY);
        }
        Words.fao(words, index, HOST_PRIORITY);
        return false;
    }

    /** Ends a share. */
    public static void releaseShared(long[] words, int index) {
        long before = Words.faa(words, index, -SHARER);
        ModuleFatal.unless((before & EXCLUSIVE) == 0 && (before & SHARERS) != 0, 200);
    }

    /** Ends the exclusive hold; only host priority stays, counts that were left behind go. */
    public static void releaseExclusive(long[] words, int index) {
        ModuleFatal.unless((Words.la(words, index) & EXCLUSIVE) != 0, 201);
        Words.fan(words, index, ~LOCK_BITS | HOST_PRIORITY);
    }

    /** Whether a host call has been turned away since the lock was last acquired. */
    public static boolean hostPriority(long[] words, int index) {
        return (Words.lv(words, index) & HOST_PRIORITY) != 0;
    }

    /** The lock bits of a word, as the module stores them. */
    public static int raw(long word) {
        return (int) (word & LOCK_BITS);
    }

    /** A word with the lock in a state that another processor would have left. */
    public static long withRaw(long word, int raw) {
        return (word & ~LOCK_BITS) | (raw & LOCK_BITS);
    }

    private static long compareAndSwap(long[] words, int index, long expected, long value) {
        for (; ; ) {
            long word = Words.lv(words, index);
            long found = word & LOCK_BITS;
            if (found != expected || Words.cas(words, index, word, word - expected + value)) {
                return found;
            }
        }
    }
}
