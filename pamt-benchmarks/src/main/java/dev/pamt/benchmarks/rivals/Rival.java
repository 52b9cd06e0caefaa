package dev.pamt.benchmarks.rivals;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.TdxHost;
import java.util.Arrays;

/**
 * Who is compared with whom. The bare ones count and do nothing else: they are the limit. The kernel's protocols are ported
 * as they are, the others are what a Java developer would write first; all of these back regions for real.
 *
 * <p>A rival finds the count of a region in an array that has the regions of the benchmark and no others. One whose name
 * begins with {@code sparse-} is the same rival in the whole address space, found by gigabyte as this library finds its words.
 * {@code ours-words} is this library's word in such an array. So a table tells what the protocol costs from what the way to the
 * word costs. A map has no array; the way is the map.
 */
public enum Rival {
    BARE_WORD("bare-word", (host, regions) -> new BareWord()),
    BARE_ATOMIC("bare-atomic", (host, regions) -> new BareAtomics(regions)),
    SPARSE_BARE_ATOMIC("sparse-bare-atomic", (host, regions) -> new SparseAtomics(regions)),
    BARE_VARHANDLE("bare-varhandle", (host, regions) -> new BareArray(new Words.Flat(regions))),
    SPARSE_BARE_VARHANDLE("sparse-bare-varhandle", (host, regions) -> new BareArray(new Words.Sparse(regions))),
    OURS_WORDS("ours-words", (host, regions) -> new OurWords(regions)),
    OURS_PER_2M("ours-per2M", (host, regions) -> new Ours(host, LockStrategy.per2M())),
    OURS_HASHED("ours-hashed", (host, regions) -> new Ours(host, LockStrategy.hashed(64))),
    OURS_GLOBAL("ours-global", (host, regions) -> new Ours(host, LockStrategy.global())),
    DEC_AND_LOCK("v6-dec-and-lock", (host, regions) -> new DecAndLock(host, new Words.Flat(regions))),
    SPARSE_DEC_AND_LOCK("sparse-v6-dec-and-lock", (host, regions) -> new DecAndLock(host, new Words.Sparse(regions))),
    ALWAYS_LOCK("merged-always-lock", (host, regions) -> new AlwaysLock(host, new Words.Flat(regions))),
    SPARSE_ALWAYS_LOCK("sparse-merged-always-lock", (host, regions) -> new AlwaysLock(host, new Words.Sparse(regions))),
    NETTY("netty-refcnt", (host, regions) -> new NettyCounts(regions)),
    SPARSE_NETTY("sparse-netty-refcnt", (host, regions) -> new SparseNettyCounts(regions)),
    CHM_MERGE("chm-merge", (host, regions) -> new MergeInMap(host)),
    SYNCHRONIZED_MAP("synchronized-map", (host, regions) -> new SynchronizedMap(host)),
    STRIPED_MAP("striped-map", (host, regions) -> new StripedMap(host));

    private final String label;
    private final Factory factory;

    Rival(String label, Factory factory) {
        this.label = label;
        this.factory = factory;
    }

    /** Finds a rival by the name that a benchmark's parameter has. */
    public static Rival named(String label) {
        return Arrays.stream(values())
                .filter(rival -> rival.label.equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "no rival is named " + label + "; there are " + Arrays.toString(values())));
    }

    /** Makes the counts of regions that are in no use yet. */
    public RegionCounts counts(TdxHost host, Regions regions) {
        return factory.make(host, regions);
    }

    @Override
    public String toString() {
        return label;
    }

    private interface Factory {
        RegionCounts make(TdxHost host, Regions regions);
    }
}
