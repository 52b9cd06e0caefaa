package dev.pamt.benchmarks;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.RegionState;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a manager takes of the heap: idle, and after every region has been touched once. Measured as the difference of the
 * used heap after garbage collections; the module behind it keeps nothing.
 */
public final class Footprint {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;
    private static final long REGION_BYTES = PageAllocator.CHUNK_BYTES;

    private Footprint() {}

    public static void main(String[] args) throws InterruptedException {
        // What is loaded and compiled on first use belongs to no host.
        touchAll(manager(ram(0, GIB)), ram(0, GIB));
        System.out.printf("%-42s %12s %16s %16s %14s%n", "host", "idle KiB", "touched KiB", "regions", "bytes/region");
        for (Map.Entry<String, MemoryMap> host : new TreeMap<>(Map.of(
                        "1: 256 GB", ram(0, 256 * GIB),
                        "2: 2 TB", ram(0, 2 * TIB),
                        "3: 64 TB", ram(0, 64 * TIB),
                        "4: 256 GB, 1 GB of it at the top of 52 bits",
                                MemoryMap.of(List.of(
                                        PhysicalRange.between(1L << 20, 255 * GIB),
                                        PhysicalRange.between((1L << 52) - GIB, 1L << 52)))))
                .entrySet()) {
            measure(host.getKey().substring(3), host.getValue());
        }
        donors();
    }

    private static MemoryMap ram(long start, long end) {
        return MemoryMap.of(List.of(PhysicalRange.between(Math.max(start, 1L << 20), end)));
    }

    private static void measure(String name, MemoryMap memory) throws InterruptedException {
        long before = UsedHeap.afterGc();
        PamtManager manager = manager(memory);
        long idle = UsedHeap.afterGc() - before;
        long regions = touchAll(manager, memory);
        long touched = UsedHeap.afterGc() - before;
        System.out.printf(
                Locale.ROOT,
                "%-42s %,12d %,16d %,16d %14.2f%n",
                name,
                idle >> 10,
                touched >> 10,
                regions,
                (touched - idle) / (double) regions);
        manager.close();
    }

    /** Gets and puts a page of every region; returns how many regions there are. */
    private static long touchAll(PamtManager manager, MemoryMap memory) {
        long regions = 0;
        for (PhysicalRange range : memory.ram()) {
            for (long hpa = range.baseHpa() & -REGION_BYTES; hpa < range.endHpa(); hpa += REGION_BYTES) {
                long page = Math.max(hpa, range.baseHpa());
                if (manager.state(page).kind() != RegionState.Kind.DONOR) {
                    manager.get(page);
                    manager.put(page);
                }
                regions++;
            }
        }
        return regions;
    }

    /** What the chunks that pairs are cut from hold beyond the pairs themselves, when many regions are backed. */
    private static void donors() {
        PamtManager manager = manager(ram(0, 256 * GIB));
        int backed = 100_000;
        long first = 8 * GIB;
        for (int region = 0; region < backed; region++) {
            manager.get(first + region * REGION_BYTES);
        }
        long chunkBytes = manager.stats().pages().donorChunks() * REGION_BYTES;
        System.out.printf(
                Locale.ROOT,
                "%ndonor chunks: %,d for %,d pairs, %.2f %% more than the pairs themselves%n",
                manager.stats().pages().donorChunks(),
                backed,
                100.0
                        * (chunkBytes - manager.stats().pairs().installedBytes())
                        / manager.stats().pairs().installedBytes());
    }

    private static PamtManager manager(MemoryMap memory) {
        return PamtManager.builder()
                .seamcalls(new Forgetful(), PhysicalMemory.none())
                .memory(memory)
                .build();
    }

    /** A module that accepts every pair and remembers only the last, which is all that is ever taken back here. */
    private static final class Forgetful implements SeamcallProvider {
        private long page0;
        private long page1;

        @Override
        public long seamcall(long rax, SeamcallRegisters regs) {
            if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
                page0 = regs.rdx;
                page1 = regs.r8;
            } else {
                regs.rdx = page0;
                regs.r8 = page1;
            }
            return 0;
        }
    }
}
