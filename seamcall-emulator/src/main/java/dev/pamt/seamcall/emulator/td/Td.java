package dev.pamt.seamcall.emulator.td;

import java.util.concurrent.atomic.AtomicLong;

/**
 * What the root page of a TD holds.
 *
 * <p>Guarded by the PAMT lock of that page: written under the exclusive lock, read under any. The count of the TD's pages
 * changes under the shared lock, too, and is atomic.
 */
public final class Td {
    private final long tdrHpa;
    private final int hkid;
    private final AtomicLong childPages = new AtomicLong();
    private Lifecycle lifecycle = Lifecycle.HKID_ASSIGNED;

    Td(long tdrHpa, int hkid) {
        this.tdrHpa = tdrHpa;
        this.hkid = hkid;
    }

    /** The address of the root page. */
    public long tdrHpa() {
        return tdrHpa;
    }

    /** The private key id of the TD. */
    public int hkid() {
        return hkid;
    }

    /** Where the TD is in its life. */
    public Lifecycle lifecycle() {
        return lifecycle;
    }

    /** The number of 4K pages of the TD, its root not counted (CHLDCNT). */
    public long childPages() {
        return childPages.get();
    }

    /** Counts pages that the TD has gained, or lost if negative. */
    public void addChildPages(long pages) {
        childPages.addAndGet(pages);
    }
}
