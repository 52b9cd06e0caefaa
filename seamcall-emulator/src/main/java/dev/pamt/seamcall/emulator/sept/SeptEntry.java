package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.emulator.memory.Words;

/**
 * A Secure EPT entry: a word in a Secure EPT page.
 *
 * <pre>
 *   R 0 | W 1 | X 2 | memory type 5:3 | IPAT 6 | leaf 7 | D 9 | Xu 10 | lock 11 | HPA with key id 51:12 | host priority 52
 *   state 53..56 (with 6, 7, 9) | L2 alias 58..60 | suppress #VE 63
 * </pre>
 *
 * <p>A pending 2M entry keeps in bits 20:12, which its address does not need, how many of its 4K pages are accepted.
 *
 * <p>The lock is bit 11, tried once by bit-test-and-set. A host call that is turned away sets host priority, which keeps
 * guests out until a host call gets the lock. While one processor holds the lock others touch nothing but these two bits,
 * so a new value is put in place by compare-and-set around them ({@link #publish}), and releases the lock.
 *
 * <p>Source: TDX module 1.5.25, sept_manager.h.
 */
public final class SeptEntry {
    static final long READ_WRITE_EXECUTE = 7;
    static final long XU = 1L << 10;
    static final long IPAT = 1L << 6;
    static final long PS = 1L << 7;
    static final long TDEX = 1L << 53;
    static final long TDBW = 1L << 54;
    static final long TDB = 1L << 55;
    static final long TDP = 1L << 56;
    static final long STATE_MASK = 1L << 9 | IPAT | PS | TDEX | TDBW | TDB | TDP;

    private static final long LOCK = 1L << 11;
    private static final long HOST_PRIORITY = 1L << 52;
    private static final long PERMISSIONS = READ_WRITE_EXECUTE | XU;
    private static final long MEMORY_TYPE = 0x38;
    private static final long WRITE_BACK = 0x30;
    private static final long HPA = (1L << 52) - (1L << 12);
    private static final long SUPPRESS_VE = 1L << 63;
    private static final int COUNTER_SHIFT = 12;
    private static final long COUNTER = 0x1FFL << COUNTER_SHIFT;
    private static final int ALIAS_SHIFT = 57;
    private static final long ARCHITECTURAL_LEAF = PERMISSIONS | MEMORY_TYPE | HPA | IPAT | PS | SUPPRESS_VE;
    private static final long ARCHITECTURAL_NON_LEAF = PERMISSIONS | PS;

    /** An entry that maps nothing; a TD begins with a root page full of them. */
    public static final long FREE = SUPPRESS_VE | SeptState.FREE.bits();

    private SeptEntry() {}

    /** Tries to lock an entry for the host. */
    static boolean acquireByHost(long[] words, int index) {
        long before = Words.fao(words, index, LOCK);
        if ((before & LOCK) != 0) {
            Words.fao(words, index, HOST_PRIORITY);
            return false;
        }
        if ((before & HOST_PRIORITY) != 0) {
            Words.fan(words, index, ~HOST_PRIORITY);
        }
        return true;
    }

    /** What becomes of a guest that wants the lock of an entry. */
    enum GuestLock {
        ACQUIRED,
        BUSY,
        HOST_PRIORITY
    }

    /** Tries to lock an entry for a guest, which host priority keeps out. */
    static GuestLock acquireByGuest(long[] words, int index) {
        long before = Words.fao(words, index, LOCK);
        if ((before & LOCK) != 0) {
            return GuestLock.BUSY;
        }
        if ((before & HOST_PRIORITY) != 0) {
            Words.fan(words, index, ~LOCK);
            return GuestLock.HOST_PRIORITY;
        }
        return GuestLock.ACQUIRED;
    }

    static void release(long[] words, int index) {
        Words.fan(words, index, ~LOCK);
    }

    /** Puts a new value in place and releases the lock; host priority that was set meanwhile stays. */
    static void publish(long[] words, int index, long value) {
        long before;
        do {
            before = Words.lv(words, index);
        } while (!Words.cas(words, index, before, unlocked(value) | (before & HOST_PRIORITY)));
    }

    /** A value without lock and host priority. */
    static long unlocked(long entry) {
        return entry & ~(LOCK | HOST_PRIORITY);
    }

    static long withoutHostPriority(long entry) {
        return entry & ~HOST_PRIORITY;
    }

    static boolean isLocked(long entry) {
        return (entry & LOCK) != 0;
    }

    /** An entry that maps a page. */
    static long leaf(SeptState state, long hpaWithHkid) {
        return SUPPRESS_VE | state.bits() | WRITE_BACK | hpaWithHkid | permissions(state);
    }

    /** An entry that leads to a Secure EPT page. */
    static long nonLeaf(long hpaWithHkid) {
        return SUPPRESS_VE | SeptState.NL_MAPPED.bits() | hpaWithHkid | PERMISSIONS;
    }

    /** The entry in another state, with the permissions of that state and nothing accepted. */
    static long inState(long entry, SeptState state, int level) {
        return (withoutCounter(entry, level) & ~(STATE_MASK | PERMISSIONS)) | state.bits() | permissions(state);
    }

    private static long permissions(SeptState state) {
        return state == SeptState.MAPPED || state == SeptState.NL_MAPPED ? PERMISSIONS : 0;
    }

    /** The entry with the address of another page. */
    static long withHpa(long entry, long hpaWithHkid) {
        return (entry & ~HPA) | hpaWithHkid;
    }

    /** The address in the entry, key id and all. */
    static long hpa(long entry) {
        return entry & HPA;
    }

    /** The number of pages that are accepted. */
    static int acceptedPages(long entry) {
        return (int) ((entry & COUNTER) >>> COUNTER_SHIFT);
    }

    static long withAcceptedPages(long entry, int pages) {
        return (entry & ~COUNTER) | (long) pages << COUNTER_SHIFT;
    }

    /** The entry without the counter that a pending 2M entry has in its address. */
    static long withoutCounter(long entry, int level) {
        return level == 1 && SeptState.of(entry).isPending() ? entry & ~COUNTER : entry;
    }

    static boolean isAliased(long entry, int vm) {
        return (entry & aliasBit(vm)) != 0;
    }

    static long aliasBit(int vm) {
        return 1L << (ALIAS_SHIFT + vm);
    }

    static boolean isPresent(long entry) {
        return (entry & READ_WRITE_EXECUTE) != 0;
    }

    /** Whether an entry has the state of one that maps nothing, whatever else is in it. */
    static boolean isFree(long entry) {
        return (entry & SeptState.FREE.bits()) == SeptState.FREE.bits();
    }

    static boolean isLeaf(long entry) {
        return (entry & PS) != 0;
    }

    /** The entry as the host gets to see it, key id and internal bits taken out. */
    static long architectural(long entry, long hkidMask) {
        if (SeptState.of(entry) == SeptState.FREE) {
            return SUPPRESS_VE;
        }
        return entry & (isLeaf(entry) ? ARCHITECTURAL_LEAF : ARCHITECTURAL_NON_LEAF) & ~hkidMask;
    }

    /** Level, state and VM of an entry as the host gets to see them. */
    static long details(long entry, int level) {
        return (long) SeptState.of(entry).architectural() << 8 | level;
    }
}
