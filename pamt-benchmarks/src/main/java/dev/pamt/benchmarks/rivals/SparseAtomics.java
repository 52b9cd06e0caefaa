package dev.pamt.benchmarks.rivals;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;

/** Two atomic additions to an object's field, and the way to it by gigabyte. */
final class SparseAtomics implements RegionCounts {
    private static final VarHandle GIGABYTE = MethodHandles.arrayElementVarHandle(AtomicInteger[][].class);

    private final AtomicInteger[][] gigabytes;

    SparseAtomics(Regions regions) {
        gigabytes = new AtomicInteger[Gigabytes.below(regions)][];
    }

    @Override
    public void get(long hpa) {
        count(hpa).getAndIncrement();
    }

    @Override
    public void put(long hpa) {
        count(hpa).getAndDecrement();
    }

    private AtomicInteger count(long hpa) {
        long number = Gigabytes.number(hpa);
        if (number >= gigabytes.length) {
            throw Gigabytes.absent(hpa);
        }
        AtomicInteger[] counts = (AtomicInteger[]) GIGABYTE.getAcquire(gigabytes, (int) number);
        if (counts == null) {
            counts = materialise((int) number);
        }
        return counts[Gigabytes.slot(hpa)];
    }

    private synchronized AtomicInteger[] materialise(int number) {
        if (gigabytes[number] == null) {
            AtomicInteger[] counts = new AtomicInteger[Gigabytes.MARGIN + Gigabytes.REGIONS];
            for (int slot = Gigabytes.MARGIN; slot < counts.length; slot++) {
                counts[slot] = new AtomicInteger();
            }
            GIGABYTE.setRelease(gigabytes, number, counts);
        }
        return gigabytes[number];
    }

    @Override
    public void close() {}
}
