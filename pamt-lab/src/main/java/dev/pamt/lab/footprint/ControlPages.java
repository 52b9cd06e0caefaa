package dev.pamt.lab.footprint;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxStatus;

/**
 * The control pages of TDs, from the metadata of a module.
 *
 * <p>Immutable and thread-safe.
 *
 * @param perTd pages of the root and the control structure of a TD
 * @param perVcpu pages of the state of a vCPU
 */
public record ControlPages(long perTd, long perVcpu) {
    /**
     * Asks the module of a host.
     *
     * @param host the host
     * @return its answer
     */
    public static ControlPages of(TdxHost host) {
        return new ControlPages(
                pages(host, SysField.TDR_BASE_SIZE) + pages(host, SysField.TDCS_BASE_SIZE),
                pages(host, SysField.TDVPS_BASE_SIZE));
    }

    private static long pages(TdxHost host, SysField field) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = new Seamcalls(host.platform().processor(0)).sysRd(regs, field.id());
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException("TDH.SYS.RD of " + field + " answered " + TdxStatus.toString(status));
        }
        return (regs.r8 + PageAllocator.PAGE_BYTES - 1) / PageAllocator.PAGE_BYTES;
    }

    /**
     * The pages that a TD needs beside its memory: its Secure EPT, and its control pages.
     *
     * @param shape the TD
     * @return pages
     */
    public long pagesOf(TdShape shape) {
        return perTd + perVcpu * shape.vcpus() + shape.septPages();
    }
}
