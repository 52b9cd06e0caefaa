package dev.pamt.impl;

import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import java.util.List;

/**
 * The pages of allocPage: asked of the host's allocator, in the ledger while they are out, scrubbed before they go back.
 *
 * <p>A page is struck out of the ledger before its reference is dropped, and goes to the allocator after that: so it is
 * freed once, and no region of a free page has a user.
 */
final class HostPages {
    private final PageAllocator allocator;
    private final PhysicalMemory memory;
    private final RegionTable addresses;
    private final PageLedger ledger;

    HostPages(TdxHost host, PageAllocator allocator, RegionTable addresses) {
        this.allocator = allocator;
        this.memory = host.platform().memory();
        this.addresses = addresses;
        this.ledger = new PageLedger(host.memory().ram());
    }

    /** A page of the host, entered in the ledger. */
    long take() {
        long hpa = allocator.allocPage();
        if (hpa == PageAllocator.NONE) {
            throw new OutOfPagesException("a 4K page");
        }
        if (!addresses.isRam(hpa, 1) || !ledger.allocate(hpa)) {
            throw new IllegalStateException(String.format(
                    "the host's allocator gave page 0x%x, which is allocated already or lies outside the memory map",
                    hpa));
        }
        return hpa;
    }

    /** Gives a page back that was taken and that nobody has seen. */
    void giveBackUnused(long hpa) {
        ledger.free(hpa);
        allocator.freePage(hpa);
    }

    /** Strikes a page out of the ledger: the caller frees it, and nobody else. */
    void strikeOut(long hpa) {
        if (!ledger.free(hpa)) {
            throw new DoubleFreeException(hpa);
        }
    }

    /** Enters a page again that was struck out and could not be freed. */
    void enterAgain(long hpa) {
        ledger.allocate(hpa);
    }

    /** Gives a page back that was struck out and has no user any more. */
    void giveBack(long hpa) {
        memory.clearPage(hpa);
        allocator.freePage(hpa);
    }

    /** Pages that are out. */
    long out() {
        return ledger.allocatedPages();
    }

    /** The 2M regions, by address, with pages that are out. */
    List<Long> regions() {
        return ledger.allocatedRegions();
    }
}
