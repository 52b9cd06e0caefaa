package dev.pamt.lab.policy;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * TDH.PHYMEM.PAMT.ADD and REMOVE past the manager, for policies that it would not allow. The pages of a pair are any two pages of the host,
 * and their regions are not locked.
 *
 * <p><b>Thread-safety:</b> any number of threads; what keeps them apart is the policy's matter.
 */
final class RawPairs {
    static final long REGION_BYTES = 2L << 20;

    private final PageAllocator allocator;
    private final PhysicalMemory memory;
    private final Seamcalls processor;
    /** Regions that have a pair, as far as is known. */
    private final Set<Long> regions = ConcurrentHashMap.newKeySet();

    RawPairs(TdxHost host) {
        allocator = host.allocator();
        memory = host.platform().memory();
        processor = new Seamcalls(host.platform().processor(0));
    }

    /** Makes an ADD; the pages go back if the module does not take them. Returns the status. */
    long add(long hpa) {
        long region = hpa & -REGION_BYTES;
        long page0 = allocPage();
        long page1 = PageAllocator.NONE;
        boolean given = false;
        try {
            page1 = allocPage();
            long status = processor.pamtAdd(new SeamcallRegisters(), region, page0, page1);
            given = !TdxStatus.isError(status);
            if (given) {
                regions.add(region);
            }
            return status;
        } finally {
            if (!given) {
                allocator.freePage(page0);
                if (page1 != PageAllocator.NONE) {
                    allocator.freePage(page1);
                }
            }
        }
    }

    /** Makes a REMOVE, and gives the pages back to the host. Returns the status. */
    long remove(long hpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long region = hpa & -REGION_BYTES;
        long status = processor.pamtRemove(regs, region);
        if (!TdxStatus.isError(status)) {
            regions.remove(region);
            free(regs.rdx);
            free(regs.r8);
        }
        return status;
    }

    /** Has a region that got its pair by a DEMOTE known. */
    void noteAdded(long hpa) {
        regions.add(hpa & -REGION_BYTES);
    }

    /** Takes the pages of a pair that a PROMOTE has given back. */
    void takeBack(long hpa, long page0, long page1) {
        regions.remove(hpa & -REGION_BYTES);
        free(page0);
        free(page1);
    }

    long allocPage() {
        long page = allocator.allocPage();
        if (page == PageAllocator.NONE) {
            throw new OutOfPagesException("a page pair");
        }
        return page;
    }

    void free(long page) {
        memory.clearPage(page);
        allocator.freePage(page);
    }

    Set<Long> regions() {
        return regions;
    }
}
