package dev.pamt.benchmarks.rivals;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** Netty's reference counts, and the way to them by gigabyte. */
final class SparseNettyCounts implements RegionCounts {
    private static final VarHandle GIGABYTE = MethodHandles.arrayElementVarHandle(NettyCount[][].class);

    private final NettyCount[][] gigabytes;

    SparseNettyCounts(Regions regions) {
        gigabytes = new NettyCount[Gigabytes.below(regions)][];
    }

    @Override
    public void get(long hpa) {
        count(hpa).retain();
    }

    @Override
    public void put(long hpa) {
        count(hpa).release();
    }

    private NettyCount count(long hpa) {
        long number = Gigabytes.number(hpa);
        if (number >= gigabytes.length) {
            throw Gigabytes.absent(hpa);
        }
        NettyCount[] counts = (NettyCount[]) GIGABYTE.getAcquire(gigabytes, (int) number);
        if (counts == null) {
            counts = materialise((int) number);
        }
        return counts[Gigabytes.slot(hpa)];
    }

    private synchronized NettyCount[] materialise(int number) {
        if (gigabytes[number] == null) {
            NettyCount[] counts = new NettyCount[Gigabytes.MARGIN + Gigabytes.REGIONS];
            for (int slot = Gigabytes.MARGIN; slot < counts.length; slot++) {
                counts[slot] = new NettyCount();
            }
            GIGABYTE.setRelease(gigabytes, number, counts);
        }
        return gigabytes[number];
    }

    @Override
    public void close() {}
}
