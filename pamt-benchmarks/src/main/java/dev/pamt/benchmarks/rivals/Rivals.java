package dev.pamt.benchmarks.rivals;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;

/**
 * Who is compared with whom. The bare ones count and do nothing else: they are the limit. The kernel's protocols are ported
 * as they are, the others are what a Java developer would write first; all of these back regions for real.
 */
public final class Rivals {
    private Rivals() {}

    /** Makes a rival by its name. The regions begin at an address and are that many. */
    public static RegionCounts of(String name, TdxHost host, long firstRegionHpa, int regions) {
        return switch (name) {
            case "bare-atomic" -> new BareAtomics(firstRegionHpa, regions);
            case "bare-varhandle" -> new BareArray(firstRegionHpa, regions);
            case "merged-always-lock" -> new AlwaysLock(host, firstRegionHpa, regions);
            case "v6-dec-and-lock" -> new DecAndLock(host, firstRegionHpa, regions);
            case "chm-merge" -> new MergeInMap(host);
            case "synchronized-map" -> new SynchronizedMap(host);
            case "striped-map" -> new StripedMap(host);
            case "netty-refcnt" -> new NettyCounts(firstRegionHpa, regions);
            case "ours-global" -> new Ours(host, LockStrategy.global());
            case "ours-hashed" -> new Ours(host, LockStrategy.hashed(64));
            case "ours-per2M" -> new Ours(host, LockStrategy.per2M());
            default -> throw new IllegalArgumentException("no rival is named " + name);
        };
    }

    /** The region of an address. */
    static long regionHpa(long hpa) {
        return hpa & -PageAllocator.CHUNK_BYTES;
    }

    /** The number of a region among those of a benchmark. */
    static int index(long hpa, long firstRegionHpa) {
        return (int) ((hpa - firstRegionHpa) >>> 21);
    }
}
