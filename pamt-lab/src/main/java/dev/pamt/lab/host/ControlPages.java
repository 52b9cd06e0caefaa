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
 * <p>Immutable and thread-safe.
 *
 * @param tdr pages of the TD root
 * @param tdcs pages of the control structure of a TD, the root of its Secure EPT among them
 * @param tdvps pages of the state of a vCPU
 */
public record ControlPages(int tdr, int tdcs, int tdvps) {
    /** Memory that one 512-entry table covers at each level of a 5-level Secure EPT below its root. */
    private static final long[] SEPT_LEVEL_BLOCKS = {1, 512, 512 * 512, 512L * 512 * 512};

    /**
     * Asks the module of a host.
     *
     * @param host the host
     * @return its answer
     * @throws IllegalStateException if the module does not tell
     */
    public static ControlPages of(TdxHost host) {
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

    /**
     * The pages of a TD's own state and that of its vCPUs, without its Secure EPT.
     *
     * @param vcpus how many vCPUs it has
     * @return pages
     */
    public long pagesOf(int vcpus) {
        return tdr + tdcs + (long) vcpus * tdvps;
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
        long perTd = pagesOf(vcpus) + (long) vcpus * Vcpu.SEPT_PAGES + septPages(blocks);
        long used = tds * (perTd + (long) blocks * GuestMemory.PAGES_PER_BLOCK);
        long threads = (long) tds * vcpus;
        // Each thread may have one region open that it has only begun to fill.
        long regions = used / GuestMemory.PAGES_PER_BLOCK + threads + 1;
        long pairs = regions + threads * PamtPageCache.FAULT_PAIRS;
        return used + pairs * (PamtStats.PAIR_BYTES / PageAllocator.PAGE_BYTES);
    }
}
