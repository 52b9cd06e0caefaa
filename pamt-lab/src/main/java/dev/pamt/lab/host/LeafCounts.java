package dev.pamt.lab.host;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts SEAMCALLs by leaf, and those that failed. Each processor counts for itself, so that they do not get into each other's way.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
public final class LeafCounts implements SeamcallDecorator {
    /** Leaf numbers are below this. */
    private static final int LEAVES = 64;

    private static final int FAILED = LEAVES;
    private static final int BUSY = 2 * LEAVES;
    private static final int MISSING_PAIR = 3 * LEAVES;

    private final List<AtomicLongArray> processors = new CopyOnWriteArrayList<>();

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        AtomicLongArray counts = new AtomicLongArray(4 * LEAVES);
        processors.add(counts);
        return (rax, regs) -> {
            int leaf = SeamcallLeaf.numberOf(rax) & (LEAVES - 1);
            counts.getAndIncrement(leaf);
            long status = backend.seamcall(rax, regs);
            if (TdxStatus.isError(status)) {
                counts.getAndIncrement(FAILED + leaf);
                if (TdxStatus.OPERAND_BUSY.matches(status)) {
                    counts.getAndIncrement(BUSY + leaf);
                } else if (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(status)) {
                    counts.getAndIncrement(MISSING_PAIR + leaf);
                }
            }
            return status;
        };
    }

    /**
     * How many calls of a leaf there were.
     *
     * @param leaf the leaf
     * @return calls, those that failed included
     */
    public long calls(SeamcallLeaf leaf) {
        return sum(leaf.number());
    }

    /**
     * How many calls of a leaf were answered with an error.
     *
     * @param leaf the leaf
     * @return calls
     */
    public long failures(SeamcallLeaf leaf) {
        return sum(FAILED + leaf.number());
    }

    /**
     * How many calls were answered TDX_OPERAND_BUSY.
     *
     * @return calls of all leaves
     */
    public long busy() {
        return sumOfLeaves(BUSY);
    }

    /**
     * How many calls were answered TDX_MISSING_PAMT_PAGE_PAIR.
     *
     * @return calls of all leaves
     */
    public long missingPair() {
        return sumOfLeaves(MISSING_PAIR);
    }

    private long sumOfLeaves(int first) {
        long sum = 0;
        for (int leaf = 0; leaf < LEAVES; leaf++) {
            sum += sum(first + leaf);
        }
        return sum;
    }

    /**
     * All calls.
     *
     * @return calls of all leaves, those that failed included
     */
    public long total() {
        return sumOfLeaves(0);
    }

    /**
     * All leaves that were called.
     *
     * @return how many calls of each there were
     */
    public Map<SeamcallLeaf, Long> all() {
        Map<SeamcallLeaf, Long> all = new EnumMap<>(SeamcallLeaf.class);
        for (SeamcallLeaf leaf : SeamcallLeaf.values()) {
            if (calls(leaf) > 0) {
                all.put(leaf, calls(leaf));
            }
        }
        return all;
    }

    private long sum(int index) {
        return processors.stream().mapToLong(counts -> counts.get(index)).sum();
    }
}
