package dev.pamt.impl.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallPlatform;
import java.util.List;

/** What {@link HostBringUp} leaves behind. */
record BroughtUpHost(
        SeamcallPlatform platform,
        MemoryMap memory,
        boolean dynamicPamt,
        int pamt4KEntryBytes,
        List<Tdmr> tdmrs,
        HostPageAllocator allocator)
        implements TdxHost {
    @Override
    public long freePages() {
        return allocator.freePages();
    }

    @Override
    public void close() {
        platform.close();
    }

    @Override
    public String toString() {
        return String.format(
                "TDX host with %d TDMRs, %d KB of PAMT, %s PAMT",
                tdmrs.size(), pamtBytes() >> 10, dynamicPamt ? "Dynamic" : "static");
    }
}
