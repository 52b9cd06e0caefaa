package dev.pamt.benchmarks.rivals;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;

/** Installs and takes back page pairs for the rivals, with pages from the host's allocator, as Linux does it. */
final class PairBackend {
    private final Seamcalls seamcalls;
    private final PageAllocator allocator;

    PairBackend(TdxHost host) {
        seamcalls = new Seamcalls(host.platform().processor(0));
        allocator = host.allocator();
    }

    long allocPage() {
        return allocator.allocPage();
    }

    void freePage(long hpa) {
        allocator.freePage(hpa);
    }

    void add(long regionHpa, long page0Hpa, long page1Hpa) {
        check(seamcalls.pamtAdd(new SeamcallRegisters(), regionHpa, page0Hpa, page1Hpa));
    }

    void addFresh(long regionHpa) {
        add(regionHpa, allocPage(), allocPage());
    }

    /** Takes a pair back; the caller frees RDX and R8. */
    SeamcallRegisters remove(long regionHpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        check(seamcalls.pamtRemove(regs, regionHpa));
        return regs;
    }

    void removeAndFree(long regionHpa) {
        SeamcallRegisters regs = remove(regionHpa);
        freePage(regs.rdx);
        freePage(regs.r8);
    }

    private static void check(long status) {
        if (status != 0) {
            throw new IllegalStateException(TdxStatus.toString(status));
        }
    }
}
