package dev.pamt.lab.report;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;

/**
 * What a host looks like after bring-up.
 *
 * <p>Immutable and thread-safe.
 *
 * @param dynamicPamt whether it runs with Dynamic PAMT
 * @param tdmrs how many TDMRs it has
 * @param tdmrBytes the address space that they cover
 * @param pamtBytes the memory that was set aside for PAMT
 * @param staticPamtBytes the memory that would be set aside without Dynamic PAMT
 * @param freePages the pages that its allocator has
 */
public record HostFacts(
        boolean dynamicPamt, int tdmrs, long tdmrBytes, long pamtBytes, long staticPamtBytes, long freePages) {
    /**
     * Looks at a host.
     *
     * @param host a host that has not been used yet
     * @return the facts
     */
    public static HostFacts of(TdxHost host) {
        long tdmrBytes = 0;
        long staticBytes = 0;
        for (Tdmr tdmr : host.tdmrs()) {
            long pages = tdmr.range().bytes() / PageAllocator.PAGE_BYTES;
            tdmrBytes += tdmr.range().bytes();
            staticBytes += tdmr.pamt1G().bytes() + tdmr.pamt2M().bytes() + pages * host.pamt4KEntryBytes();
        }
        return new HostFacts(
                host.dynamicPamt(), host.tdmrs().size(), tdmrBytes, host.pamtBytes(), staticBytes, host.freePages());
    }

    /**
     * The facts in a line.
     *
     * @return the line
     */
    public String describe() {
        String tdmrText = Text.count(tdmrs, "TDMR") + " over " + Text.bytes(tdmrBytes);
        return dynamicPamt
                ? String.format(
                        "%s; PAMT takes %s at bring-up, %s if it were static",
                        tdmrText, Text.bytes(pamtBytes), Text.bytes(staticPamtBytes))
                : String.format("%s; no Dynamic PAMT, static PAMT takes %s", tdmrText, Text.bytes(pamtBytes));
    }
}
