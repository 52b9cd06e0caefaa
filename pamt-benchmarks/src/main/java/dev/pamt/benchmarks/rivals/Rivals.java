package dev.pamt.benchmarks.rivals;

import static java.util.Map.entry;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.BareWords;
import java.util.Map;
import java.util.TreeSet;

/**
 * Who is compared with whom. The bare ones count and do nothing else: they are the limit. The kernel's protocols are ported
 * as they are, the others are what a Java developer would write first; all of these back regions for real.
 *
 * <p>The rivals know the first of their regions and find a count by its number. With {@code sparse-} before its name a rival is
 * reached as a region of ours is, through an array of the gigabytes of the address space; and {@code ours-words} is our word
 * without that way. So what a lookup costs can be told from what a protocol costs.
 */
public final class Rivals {
    private static final String SPARSE = "sparse-";

    private static final Map<String, Factory> FACTORIES = Map.ofEntries(
            entry("bare-atomic", (host, first, regions) -> new BareAtomics(first, regions)),
            entry("bare-varhandle", (host, first, regions) -> new BareArray(first, regions)),
            entry("merged-always-lock", AlwaysLock::new),
            entry("v6-dec-and-lock", DecAndLock::new),
            entry("chm-merge", (host, first, regions) -> new MergeInMap(host)),
            entry("synchronized-map", (host, first, regions) -> new SynchronizedMap(host)),
            entry("striped-map", (host, first, regions) -> new StripedMap(host)),
            entry("netty-refcnt", (host, first, regions) -> new NettyCounts(first, regions)),
            entry("ours-words", (host, first, regions) -> new OurWords(new BareWords(regions), first)),
            entry("ours-global", (host, first, regions) -> new Ours(host, LockStrategy.global())),
            entry("ours-hashed", (host, first, regions) -> new Ours(host, LockStrategy.hashed(64))),
            entry("ours-per2M", (host, first, regions) -> new Ours(host, LockStrategy.per2M())));

    private Rivals() {}

    /** Makes a rival for a number of regions in a row. */
    interface Factory {
        RegionCounts make(TdxHost host, long firstRegionHpa, int regions);
    }

    /** Makes a rival by its name. The regions begin at an address and are that many. */
    public static RegionCounts of(String name, TdxHost host, long firstRegionHpa, int regions) {
        boolean sparse = name.startsWith(SPARSE);
        Factory factory = FACTORIES.get(sparse ? name.substring(SPARSE.length()) : name);
        if (factory == null) {
            throw new IllegalArgumentException(
                    "no rival is named " + name + "; there are " + new TreeSet<>(FACTORIES.keySet()));
        }
        return sparse
                ? new Sparse(factory, host, firstRegionHpa, regions)
                : factory.make(host, firstRegionHpa, regions);
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
