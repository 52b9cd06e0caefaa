package dev.pamt.impl.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Memory maps with up to sixty ranges of RAM, small and large, near and far from each other. */
final class RandomMaps {
    private static final long PAGE = 1L << 12;
    private static final long GIB = 1L << 30;

    private RandomMaps() {}

    static MemoryMap next(Random random) {
        List<PhysicalRange> ram = new ArrayList<>();
        long at = 0;
        int ranges = random.nextInt(1, 60);
        for (int i = 0; i < ranges; i++) {
            long start = at + PAGE * random.nextLong(1, random.nextBoolean() ? 100_000 : 3_000_000);
            at = start + PAGE * random.nextLong(1, random.nextBoolean() ? 3_000 : 3_000_000);
            ram.add(PhysicalRange.between(start, at));
        }
        // One that has room for the PAMT of those that have none.
        ram.add(PhysicalRange.between(at + GIB, at + 8 * GIB));
        return MemoryMap.of(ram);
    }
}
