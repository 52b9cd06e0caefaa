package dev.pamt.lab.measure;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtStats;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import dev.pamt.seamcall.PlatformConfig;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** Hosts whose memory covers a placement, and has some more behind it that page pairs come from. */
final class ReplayHost {
    private static final long GIB = 1L << 30;

    /** Chunks that the manager may have open beyond those that the pairs fill. */
    private static final int SPARE_CHUNKS = 8;

    private final MemoryMap memory;
    private final PhysicalRange donors;

    ReplayHost(Placement placement) {
        List<PhysicalRange> gigabytes = new ArrayList<>();
        placement.forEachRun((hpa, pages, backing) -> {
            long start = hpa & -GIB;
            long end = (hpa + Pages.bytes(pages) + GIB - 1) & -GIB;
            PhysicalRange last = gigabytes.isEmpty() ? null : gigabytes.get(gigabytes.size() - 1);
            if (last == null || last.baseHpa() > start || last.endHpa() < end) {
                gigabytes.add(PhysicalRange.between(start, end));
            }
        });
        List<PhysicalRange> ram = PhysicalRanges.union(gigabytes);
        while (ram.size() >= PlatformConfig.MAX_CMRS) {
            closeSmallestHole(ram);
        }
        long end = ram.isEmpty() ? GIB : ram.get(ram.size() - 1).endHpa();
        long bytes = placement.use().pairs() * PamtStats.PAIR_BYTES + SPARE_CHUNKS * PageAllocator.CHUNK_BYTES;
        // A gigabyte more: the PAMT areas of the host lie in it, too.
        donors = PhysicalRange.between(end, (end + bytes + 2 * GIB - 1) & -GIB);
        ram.add(donors);
        memory = MemoryMap.of(PhysicalRanges.union(ram));
    }

    private static void closeSmallestHole(List<PhysicalRange> ram) {
        int smallest = 1;
        for (int i = 2; i < ram.size(); i++) {
            if (hole(ram, i) < hole(ram, smallest)) {
                smallest = i;
            }
        }
        PhysicalRange above = ram.remove(smallest);
        ram.set(smallest - 1, PhysicalRange.between(ram.get(smallest - 1).baseHpa(), above.endHpa()));
    }

    private static long hole(List<PhysicalRange> ram, int above) {
        return ram.get(above).baseHpa() - ram.get(above - 1).endHpa();
    }

    MemoryMap memory() {
        return memory;
    }

    /** The chunks behind the placement that no PAMT area takes. */
    PageAllocator donors(TdxHost host) {
        Deque<Long> free = new ArrayDeque<>();
        for (long hpa = donors.baseHpa(); hpa < donors.endHpa(); hpa += PageAllocator.CHUNK_BYTES) {
            PhysicalRange chunk = new PhysicalRange(hpa, PageAllocator.CHUNK_BYTES);
            if (host.tdmrs().stream().map(Tdmr::reserved).flatMap(List::stream).noneMatch(chunk::overlaps)) {
                free.add(hpa);
            }
        }
        return new Chunks(free);
    }

    /** Whole chunks and no single pages: all that a manager needs for pairs. */
    private static final class Chunks implements PageAllocator {
        private final Deque<Long> free;

        Chunks(Deque<Long> free) {
            this.free = free;
        }

        @Override
        public long allocPage() {
            return NONE;
        }

        @Override
        public void freePage(long hpa) {
            throw new IllegalStateException("no single page was given out");
        }

        @Override
        public synchronized long allocChunk() {
            return free.isEmpty() ? NONE : free.pop();
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            free.push(hpa);
        }
    }
}
