package dev.pamt.benchmarks.rivals;

import dev.pamt.api.TdxHost;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** A rival that is reached as a region of ours is: one for each gigabyte, found by a load with acquire. */
final class Sparse implements RegionCounts {
    private static final VarHandle GIGABYTE = MethodHandles.arrayElementVarHandle(RegionCounts[].class);
    private static final int GIGABYTE_SHIFT = 30;
    private static final int REGIONS_PER_GIGABYTE = 512;

    private final RegionCounts[] gigabytes;

    Sparse(Rivals.Factory factory, TdxHost host, long firstRegionHpa, int regions) {
        long end = firstRegionHpa + ((long) regions << 21);
        gigabytes = new RegionCounts[(int) ((end - 1) >>> GIGABYTE_SHIFT) + 1];
        for (int gigabyte = (int) (firstRegionHpa >>> GIGABYTE_SHIFT); gigabyte < gigabytes.length; gigabyte++) {
            gigabytes[gigabyte] = factory.make(host, (long) gigabyte << GIGABYTE_SHIFT, REGIONS_PER_GIGABYTE);
        }
    }

    private RegionCounts at(long hpa) {
        long gigabyte = hpa >>> GIGABYTE_SHIFT;
        if (gigabyte >= gigabytes.length) {
            throw new IllegalArgumentException("no gigabyte has 0x" + Long.toHexString(hpa));
        }
        return (RegionCounts) GIGABYTE.getAcquire(gigabytes, (int) gigabyte);
    }

    @Override
    public void get(long hpa) {
        at(hpa).get(hpa);
    }

    @Override
    public void put(long hpa) {
        at(hpa).put(hpa);
    }

    @Override
    public void close() {
        for (RegionCounts gigabyte : gigabytes) {
            if (gigabyte != null) {
                gigabyte.close();
            }
        }
    }
}
