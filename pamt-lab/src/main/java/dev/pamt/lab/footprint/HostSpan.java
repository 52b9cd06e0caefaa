package dev.pamt.lab.footprint;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;

/**
 * A host whose last gigabyte of RAM may lie far above the rest.
 *
 * <p>Immutable and thread-safe.
 *
 * @param ramBytes its RAM, a multiple of 1 GiB
 * @param endHpa where its last gigabyte ends
 */
public record HostSpan(long ramBytes, long endHpa) {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final int COUNT_BYTES = 4;

    /** The page numbers of an entry of PAMT_2M have 36 bits, so pairs lie below this address. */
    private static final long DYNAMIC_PAMT_END = 1L << 48;

    /**
     * The RAM.
     *
     * @return the map
     */
    public MemoryMap memory() {
        return ramBytes == endHpa
                ? MemoryMap.of(List.of(PhysicalRange.between(MIB, ramBytes)))
                : MemoryMap.of(List.of(
                        PhysicalRange.between(MIB, ramBytes - GIB), PhysicalRange.between(endHpa - GIB, endHpa)));
    }

    /**
     * The 4K pages of its RAM.
     *
     * @return pages
     */
    public long pages() {
        return ramBytes / PageAllocator.PAGE_BYTES;
    }

    /**
     * The reference counts of Linux as merged: one array over the whole span of addresses, 4 bytes for each 2M region.
     *
     * @return bytes
     */
    public long flatCountBytes() {
        return endHpa / PageAllocator.CHUNK_BYTES * COUNT_BYTES;
    }

    /**
     * The reference counts of the second version of the series: the same array, with memory behind it where RAM is.
     *
     * @return bytes
     */
    public long sparseCountBytes() {
        return ramBytes / PageAllocator.CHUNK_BYTES * COUNT_BYTES;
    }

    /**
     * Whether TDX module 1.5.25 takes Dynamic PAMT on this host. TDH.SYS.CONFIG refuses it if the key id begins above address bit
     * 48, and RAM lies below the key id.
     *
     * @return true if it does
     */
    public boolean moduleTakesDynamicPamt() {
        return endHpa <= DYNAMIC_PAMT_END;
    }
}
