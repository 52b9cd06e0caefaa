package dev.pamt.seamcall.emulator.sept;

/**
 * An entry in the Secure EPT of an L2 VM: free, leading to a page of that tree, or an alias of a page that the TD itself has.
 *
 * <pre>
 *   R 0 | W 1 | Xs 2 | memory type 5:3 | IPAT 6 | leaf 7 | Xu 10 | HPA with key id 51:12
 *   blocked 55 | VGP 57 | PWA 58 | saved W 59 | SSS 60
 * </pre>
 *
 * <p>A blocked alias keeps R, Xs and Xu in the bits of the memory type and W in bit 59. An alias of a pending page is blocked.
 *
 * <p>Source: TDX module 1.5.25, sept_manager.c, l2_encoding of ia32e_sept_t (x86_defs.h).
 */
final class L2Entry {
    /** An entry that maps nothing. */
    static final long FREE = 0;

    /** The attributes of a VM: R, W, Xs, Xu, VGP, PWA, SSS in bits 6:0, and that they are valid. */
    static final int ATTRIBUTES_VALID = 0x8000;

    /** The attributes that let a VM reach the page. */
    static final int ATTRIBUTES_PRESENT = 0xF;

    private static final int ATTRIBUTES_KNOWN = 0x7F;
    private static final int ATTRIBUTE_READ = 1;
    private static final int ATTRIBUTE_WRITE = 1 << 1;
    private static final int ATTRIBUTE_PAGING_WRITE = 1 << 5;

    private static final int[] ATTRIBUTE_BITS = {0, 1, 2, 10, 57, 58, 60};
    private static final int[] SAVED_BITS = {3, 59, 4, 5};
    private static final long PERMISSIONS = SeptEntry.READ_WRITE_EXECUTE | SeptEntry.XU;
    private static final long SAVED = 7L << 3 | 1L << 59;
    private static final long WRITE_BACK = 6L << 3;
    private static final long LEAF = SeptEntry.IPAT | SeptEntry.PS;

    private static final int ARCHITECTURAL_FREE = 0x40;
    private static final int ARCHITECTURAL_MAPPED = 0x44;
    private static final int ARCHITECTURAL_BLOCKED = 0x41;
    private static final int ARCHITECTURAL_NON_LEAF = 0x80;

    private L2Entry() {}

    /** An entry that leads to a page of the tree. */
    static long nonLeaf(long hpaWithHkid) {
        return hpaWithHkid | PERMISSIONS;
    }

    /** An alias of a page, with attributes. */
    static long alias(int attributes, long hpaWithHkid, boolean blocked) {
        long entry = withAttributes(hpaWithHkid | LEAF | WRITE_BACK, attributes);
        return blocked ? blocked(entry) : entry;
    }

    static boolean isBlocked(long entry) {
        return (entry & SeptEntry.TDB) != 0;
    }

    /** The entry without access; one that is blocked stays as it is. */
    static long blocked(long entry) {
        if (isBlocked(entry)) {
            return entry;
        }
        long blocked = (entry & ~PERMISSIONS) | SeptEntry.TDB;
        return SeptEntry.isLeaf(entry) ? move(entry, ATTRIBUTE_BITS, blocked & ~SAVED, SAVED_BITS) : blocked;
    }

    /** The entry with the access that it had before it was blocked; one that is not blocked stays as it is. */
    static long unblocked(long entry) {
        if (!isBlocked(entry)) {
            return entry;
        }
        long unblocked = entry & ~SeptEntry.TDB;
        return SeptEntry.isLeaf(entry)
                ? move(entry, SAVED_BITS, (unblocked & ~SAVED) | WRITE_BACK, ATTRIBUTE_BITS)
                : unblocked | PERMISSIONS;
    }

    private static long move(long from, int[] fromBits, long to, int[] toBits) {
        long moved = to;
        for (int i = 0; i < SAVED_BITS.length; i++) {
            moved |= (from >>> fromBits[i] & 1) << toBits[i];
        }
        return moved;
    }

    /** The attributes in an alias. */
    static int attributes(long entry) {
        long open = unblocked(entry);
        int attributes = ATTRIBUTES_VALID;
        for (int i = 0; i < ATTRIBUTE_BITS.length; i++) {
            attributes |= (int) (open >>> ATTRIBUTE_BITS[i] & 1) << i;
        }
        return attributes;
    }

    /** An alias with other attributes, blocked if it was. */
    static long withAttributes(long entry, int attributes) {
        long open = unblocked(entry);
        for (int i = 0; i < ATTRIBUTE_BITS.length; i++) {
            long bit = 1L << ATTRIBUTE_BITS[i];
            open = (attributes >>> i & 1) != 0 ? open | bit : open & ~bit;
        }
        return isBlocked(entry) ? blocked(open) : open;
    }

    /** Whether attributes can go together: no reserved bits, no writing without reading, no suppressed #VE. */
    static boolean isLegal(int attributes) {
        boolean writes = (attributes & (ATTRIBUTE_WRITE | ATTRIBUTE_PAGING_WRITE)) != 0;
        return (attributes & ~(ATTRIBUTES_KNOWN | ATTRIBUTES_VALID)) == 0
                && !(writes && (attributes & ATTRIBUTE_READ) == 0);
    }

    /** The entry as the host gets to see it. Of an alias only that it is one, and whether it lets the VM in. */
    static long shown(long entry) {
        if (entry == FREE) {
            return 1L << 63;
        }
        return SeptEntry.isLeaf(entry) ? SeptEntry.PS | (isBlocked(entry) ? 0 : PERMISSIONS) : entry & PERMISSIONS;
    }

    /** The number by which the host knows the state of an entry. */
    static int architectural(long entry) {
        if (entry == FREE) {
            return ARCHITECTURAL_FREE;
        }
        int state = isBlocked(entry) ? ARCHITECTURAL_BLOCKED : ARCHITECTURAL_MAPPED;
        return SeptEntry.isLeaf(entry) ? state : state | ARCHITECTURAL_NON_LEAF;
    }
}
