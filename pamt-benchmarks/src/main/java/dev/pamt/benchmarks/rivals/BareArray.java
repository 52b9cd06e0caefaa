package dev.pamt.benchmarks.rivals;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** The limit: two atomic additions to a dense array, neighbours beside each other. */
final class BareArray implements RegionCounts {
    private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(int[].class);

    private final long first;
    private final int[] counts;

    BareArray(long first, int regions) {
        this.first = first;
        counts = new int[regions];
    }

    @Override
    public void get(long hpa) {
        int before = (int) COUNT.getAndAdd(counts, Rivals.index(hpa, first), 1);
        assert before >= 0;
    }

    @Override
    public void put(long hpa) {
        int before = (int) COUNT.getAndAdd(counts, Rivals.index(hpa, first), -1);
        assert before > 0;
    }

    @Override
    public void close() {}
}
