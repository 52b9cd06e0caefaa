package dev.pamt.lab.host;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.seamcall.SeamcallRegisters;

/**
 * The mappings of a TD's memory: faults of its vCPUs, splits, merges, and pages that are taken away, under a lock like KVM's mmu_lock. Faults
 * share it; whatever takes a mapping away holds it alone. Memory is allocated outside.
 *
 * <p>The order at each place is KVM's. A page's region is got before the page is given to the module, and put after the SEAMCALL that took it
 * back has returned. To take pages away: RANGE.BLOCK each, TRACK once, make every vCPU leave the guest once, PAGE.REMOVE, PAGE.WBINVD.
 *
 * <p><b>Thread-safety:</b> any number of threads; a vCPU faults for itself.
 */
public final class TdMmu {
    private static final long HINT = 1L << 62;

    /** How a fault has ended. */
    public enum Fault {
        /** The page is mapped, as a 4K page or within a 2M page. */
        MAPPED,
        /** Another vCPU is changing the entry; the fault comes again. */
        AGAIN,
        /** A 2M page is mapped, and 4K were asked for: it has to be split. */
        LARGER
    }

    private final Faults faults;
    private final Splits splits;
    private final Zaps zaps;
    private final Reclaims reclaims;

    TdMmu(LabHost host, Td td, GuestMemory memory) {
        MmuState state = new MmuState(host, td, memory);
        faults = new Faults(state);
        splits = new Splits(state);
        zaps = new Zaps(state, splits);
        reclaims = new Reclaims(state);
    }

    static boolean isHint(long register) {
        return (register & HINT) != 0;
    }

    /**
     * Maps a page for a vCPU that has touched it.
     *
     * @param vcpu the vCPU
     * @param gpa the guest address
     * @param only4K whether the guest wants a 4K page, and not to be in a 2M page
     * @return how it has ended
     * @throws PamtException if the page cannot be backed, or the module refuses it; nothing has changed
     * @throws IllegalStateException if the TD does not run
     */
    public Fault fault(Vcpu vcpu, long gpa, boolean only4K) {
        return faults.fault(vcpu, gpa, only4K);
    }

    /** Adds a page with contents, while the TD is built. */
    void add(Vcpu vcpu, long gpa) {
        faults.add(vcpu, gpa);
    }

    /**
     * Splits the 2M page of a block into 4K pages, with pairs that are set aside before; does nothing if there is no 2M page.
     *
     * @param block the number of the block
     * @return whether it was split
     * @throws OutOfPagesException if the host has no memory for the table or the pairs; the block is mapped as before
     * @throws SeamcallFailedException if the module refuses; the block is mapped as before, unless the TD is {@link Td.State#BUGGED}
     */
    public boolean split(int block) {
        return splits.split(block);
    }

    /**
     * Splits as {@link #split}, with pairs of a cache that all splitters of the TD share: topped up outside the lock of the MMU, looked at
     * again inside, and topped up once more if another splitter was faster.
     *
     * @param block the number of the block
     * @param shared the cache
     * @return how often the cache was topped up for this split; 0 if there was no 2M page, or another thread has split it
     */
    public int splitFrom(int block, SharedSplitCache shared) {
        return splits.splitFrom(block, shared);
    }

    /**
     * Merges the 4K pages of a block into one 2M page, if all of them are mapped and their memory is a chunk.
     *
     * @param block the number of the block
     * @return whether the module has merged them: it wants all to be accepted, or none
     */
    public boolean promote(int block) {
        return splits.promote(block);
    }

    /**
     * Takes the pages of a range away from the guest. A 2M page that the range covers in part is split first, because what is taken away is
     * lost to the guest.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     */
    public void zap(long gpa, int pages) {
        zaps.zap(gpa, pages);
    }

    /**
     * Makes pages shared or private, as a guest or its user asks; what becomes shared is taken away from the TD.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     * @param toShared whether they become shared
     */
    public void convert(long gpa, int pages, boolean toShared) {
        zaps.convert(gpa, pages, toShared);
    }

    /**
     * Takes a block away from the guest, and gives its memory back to the host, unless the module has not let it go.
     *
     * @param block the number of the block
     */
    public void punchHole(int block) {
        zaps.punchHole(block);
    }

    /** Reclaims the pages of a block when the TD has no key any more. */
    void reclaimBlock(Vcpu vcpu, int block, boolean freesMemory) {
        reclaims.reclaimBlock(vcpu, block, freesMemory);
    }

    /** Reclaims the tables above those of blocks, and those of blocks that are left. */
    void reclaimTables(SeamcallRegisters regs) {
        reclaims.reclaimTables(regs);
    }
}
