package dev.pamt.lab.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxStatus;

/**
 * How many pages a TD needs beside its memory, from the module's metadata.
 *
 * @param tdr pages of the TD root
 * @param tdcs pages of the control structure of a TD, the root of its Secure EPT among them
 * @param tdvps pages of the state of a vCPU
 */
record ControlPages(int tdr, int tdcs, int tdvps) {
    /** Memory that one 512-entry table covers at each level of a 5-level Secure EPT below its root. */
    private static final long[] SEPT_LEVEL_BLOCKS = {1, 512, 512 * 512, 512L * 512 * 512};

    static ControlPages of(TdxHost host) {
        return new ControlPages(
                pages(host, SysField.TDR_BASE_SIZE),
                pages(host, SysField.TDCS_BASE_SIZE),
                pages(host, SysField.TDVPS_BASE_SIZE));
    }

    private static int pages(TdxHost host, SysField field) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = new Seamcalls(host.platform().processor(0)).sysRd(regs, field.id());
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException("TDH.SYS.RD of " + field + " answered " + TdxStatus.toString(status));
        }
        return (int) ((regs.r8 + PageAllocator.PAGE_BYTES - 1) / PageAllocator.PAGE_BYTES);
    }

    /** Secure EPT pages of a TD. */
    static int septPages(int blocks) {
        long pages = 0;
        for (long span : SEPT_LEVEL_BLOCKS) {
            pages += (blocks + span - 1) / span;
        }
        return Math.toIntExact(pages);
    }

    /** Pages that TDs take from the host at most, pairs and filled caches included. */
    long pagesNeeded(int tds, int vcpus, int blocks) {
        long perTd = tdr + tdcs + (long) vcpus * (tdvps + Vcpu.SEPT_PAGES) + septPages(blocks);
        long used = tds * (perTd + (long) blocks * GuestMemory.PAGES_PER_BLOCK);
        long threads = (long) tds * vcpus;
        // Each thread may have one region open that it has only begun to fill.
        long regions = used / GuestMemory.PAGES_PER_BLOCK + threads + 1;
        long pairs = regions + threads * PamtPageCache.FAULT_PAIRS;
        return used + pairs * (PamtStats.PAIR_BYTES / PageAllocator.PAGE_BYTES);
    }
}
