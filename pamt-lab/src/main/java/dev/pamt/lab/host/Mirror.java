package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * What the host knows of a TD's Secure EPT, as KVM's mirror of it: which tables the module has, which 2M blocks are mapped as one page,
 * and which 4K pages are mapped. The pages themselves are known to {@link GuestMemory}, so a 4K page takes one byte here.
 *
 * <p>An entry that is about to change while other vCPUs fault is <em>frozen</em> first, by compare-and-set. The one who has frozen it makes
 * the SEAMCALL and then gives it its new state; every other fault comes again.
 *
 * <p><b>Thread-safety:</b> any number of threads; a frozen entry is changed by the one who has frozen it.
 */
final class Mirror {
    /** Levels of Secure EPT pages below the root; a page of level 1 maps 512 pages of 4K. */
    static final int LEVELS = 4;

    /** A 4K entry: nothing is mapped, a thread changes it, or a page is mapped. */
    static final byte EMPTY = 0;

    static final byte FROZEN = 1;
    static final byte MAPPED = 2;
    /** The module has not let the page go when it was asked to. */
    static final byte STUCK = 3;

    /** An entry above: nothing, frozen, or else an address with one of the two kinds in its low bits. */
    static final long NO_TABLE = 0;

    static final long FROZEN_TABLE = 1;
    private static final long TABLE = 2;
    private static final long LARGE = 4;
    private static final long KINDS = 0xFFF;

    private static final VarHandle LEAF = MethodHandles.arrayElementVarHandle(byte[].class);

    /** For each level the entries that lead to its tables, in the order of guest addresses; index 0 is not used. */
    private final AtomicLongArray[] tables = new AtomicLongArray[LEVELS + 1];

    private final byte[][] leaves;

    Mirror(int blocks) {
        long entries = blocks;
        for (int level = 1; level <= LEVELS; level++) {
            tables[level] = new AtomicLongArray(Math.toIntExact(entries));
            entries = (entries + PAGES_PER_BLOCK - 1) / PAGES_PER_BLOCK;
        }
        leaves = new byte[blocks][];
    }

    private static int indexOf(int level, long gpa) {
        return (int) (gpa >>> (12 + 9 * level));
    }

    /** Returns the entry that leads to the table of a level: its address and kind, or none, or frozen. */
    long entry(int level, long gpa) {
        return tables[level].get(indexOf(level, gpa));
    }

    static boolean isTable(long entry) {
        return (entry & TABLE) != 0;
    }

    static boolean isLarge(long entry) {
        return (entry & LARGE) != 0;
    }

    static long hpaOf(long entry) {
        return entry & ~KINDS;
    }

    /** Freezes an entry that leads nowhere yet; false if it has changed. */
    boolean freezeTable(int level, long gpa) {
        return tables[level].compareAndSet(indexOf(level, gpa), NO_TABLE, FROZEN_TABLE);
    }

    /** Ends the freezing of an entry: it leads nowhere. */
    void setNoTable(int level, long gpa) {
        tables[level].set(indexOf(level, gpa), NO_TABLE);
    }

    /** Ends the freezing of an entry: it leads to a table. */
    void setTable(int level, long gpa, long hpa) {
        int index = indexOf(level, gpa);
        if (level == 1) {
            leaves[index] = new byte[PAGES_PER_BLOCK];
        }
        tables[level].set(index, hpa | TABLE);
    }

    /** Ends the freezing of an entry: it maps one 2M page. */
    void setLarge(long gpa, long hpa) {
        tables[1].set(indexOf(1, gpa), hpa | LARGE);
    }

    /** A 2M page has become 512 pages of 4K, with a table. */
    void setSplit(long gpa, long septHpa) {
        int index = indexOf(1, gpa);
        byte[] all = new byte[PAGES_PER_BLOCK];
        Arrays.fill(all, MAPPED);
        leaves[index] = all;
        tables[1].set(index, septHpa | TABLE);
    }

    /** Returns the state of a 4K page. */
    byte leaf(long gpa) {
        byte[] block = leaves[indexOf(1, gpa)];
        return block == null ? EMPTY : (byte) LEAF.getVolatile(block, GuestMemory.indexOf(gpa));
    }

    /** Freezes a 4K page that is not mapped; false if it has changed. There is a table for it. */
    boolean freezeLeaf(long gpa) {
        return LEAF.compareAndSet(leaves[indexOf(1, gpa)], GuestMemory.indexOf(gpa), EMPTY, FROZEN);
    }

    void setLeaf(long gpa, byte state) {
        LEAF.setVolatile(leaves[indexOf(1, gpa)], GuestMemory.indexOf(gpa), state);
    }

    /** Returns how many pages of a block are in a state; there may be no table for it. */
    int count(int block, byte state) {
        byte[] all = leaves[block];
        int count = 0;
        for (int i = 0; all != null && i < PAGES_PER_BLOCK; i++) {
            count += all[i] == state ? 1 : 0;
        }
        return count;
    }

    /** Returns how many entries a level has. */
    int entries(int level) {
        return tables[level].length();
    }

    /** Returns an entry by its place, and forgets it; of a table of 4K pages, which pages were mapped is still known. */
    long takeEntry(int level, int index) {
        return tables[level].getAndSet(index, NO_TABLE);
    }

    /** Forgets which 4K pages of a block were mapped. */
    void forgetLeaves(int block) {
        leaves[block] = null;
    }
}
