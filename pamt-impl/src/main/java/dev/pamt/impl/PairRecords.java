package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.impl.host.Mutexes;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Which region holds which pair. What the module says of a pair is compared with this before a page of it is touched.
 *
 * <p>A pair of a chunk is recorded in the chunk, a pair of single pages with the region. A record is written under the lock of
 * its region, before the module is called. A region holds one pair at most.
 */
final class PairRecords {
    /** What is recorded of a region without a pair of single pages; an address is recorded plus OCCUPIED, since it may be 0. */
    private static final long VACANT = 0;

    private static final long OCCUPIED = 1;

    private final DonorChunks chunks;
    /** For regions that hold a pair of single pages, the two pages. Written under the region's lock. */
    private final GigabyteDirectory<AtomicLongArray> singles;
    /** Pairs of single pages that are lost; guarded by the mutex of the chunks. */
    private long lostSingles;

    PairRecords(List<PhysicalRange> ram, DonorChunks chunks) {
        this.chunks = chunks;
        this.singles = new GigabyteDirectory<>(ram);
    }

    /** Notes that a region is given a pair; called under its lock, before the module is. */
    void hold(Region region, PagePair pair) {
        if (pair.fromChunk()) {
            chunks.at(pair.page0Hpa()).setHolder(pair.page0Hpa(), region.number());
            return;
        }
        AtomicLongArray records = singles.get(region.hpa);
        if (records == null) {
            records = singles.put(region.hpa, new AtomicLongArray(2 * RegionTable.REGIONS_PER_GIGABYTE));
        }
        int record = recordOf(region);
        records.set(record + 1, pair.page1Hpa() + OCCUPIED);
        records.set(record, pair.page0Hpa() + OCCUPIED);
    }

    /**
     * Takes the pair from a region that held it; called under its lock. Notes in the transition whether it is from a chunk.
     *
     * @return whether the region held just these pages, in this order; nothing has changed if it did not
     */
    boolean takeBack(Transition transition, long page0Hpa, long page1Hpa) {
        Region region = transition.region;
        DonorChunk chunk = chunks.at(page0Hpa);
        transition.cameFromChunk = chunk != null;
        if (chunk != null) {
            return (page0Hpa & (PagePair.BYTES - 1)) == 0
                    && page1Hpa == page0Hpa + PageAllocator.PAGE_BYTES
                    && chunk.clearHolder(page0Hpa, region.number());
        }
        AtomicLongArray records = singles.get(region.hpa);
        int record = recordOf(region);
        return records != null
                && records.get(record + 1) == page1Hpa + OCCUPIED
                && records.compareAndSet(record, page0Hpa + OCCUPIED, VACANT);
    }

    /** Whether a region holds a pair; called under its lock. A search of all chunks. */
    boolean holdsAny(Region region) {
        Mutexes.lock(chunks.mutex);
        try {
            AtomicLongArray records = singles.get(region.hpa);
            boolean holds = records != null && records.get(recordOf(region)) != VACANT;
            for (DonorChunk chunk = chunks.first(); chunk != null && !holds; chunk = chunks.next(chunk)) {
                holds = chunk.isHeldBy(region.number());
            }
            return holds;
        } finally {
            chunks.mutex.unlock();
        }
    }

    /** Gives up whatever pair a region holds; called under its lock. Returns whether it held one. Never throws. */
    boolean lose(Region region) {
        Mutexes.lock(chunks.mutex);
        try {
            AtomicLongArray records = singles.get(region.hpa);
            if (records != null && records.getAndSet(recordOf(region), VACANT) != VACANT) {
                lostSingles++;
                return true;
            }
            boolean lost = false;
            for (DonorChunk chunk = chunks.first(); chunk != null && !lost; chunk = chunks.next(chunk)) {
                lost = chunk.lose(region.number());
            }
            return lost;
        } finally {
            chunks.mutex.unlock();
        }
    }

    /** Gives up a pair that has come back and could not be scrubbed. Never throws. */
    void losePair(long page0Hpa, boolean fromChunk) {
        Mutexes.lock(chunks.mutex);
        try {
            if (fromChunk) {
                chunks.at(page0Hpa).losePair(page0Hpa);
            } else {
                lostSingles++;
            }
        } finally {
            chunks.mutex.unlock();
        }
    }

    /** Gives up the pairs that regions hold, because the module is gone; returns how many. */
    long loseAll() {
        Mutexes.lock(chunks.mutex);
        try {
            long lost = loseSingles();
            for (DonorChunk chunk = chunks.first(); chunk != null; chunk = chunks.next(chunk)) {
                lost += chunk.loseAll();
            }
            return lost;
        } finally {
            chunks.mutex.unlock();
        }
    }

    private long loseSingles() {
        long lost = 0;
        for (int gigabyte = singles.next(0); gigabyte >= 0; gigabyte = singles.next(gigabyte + 1)) {
            AtomicLongArray records = singles.at(gigabyte);
            for (int record = 0; record < records.length(); record += 2) {
                lost += records.getAndSet(record, VACANT) != VACANT ? 1 : 0;
            }
        }
        lostSingles += lost;
        return lost;
    }

    /** Returns how many pairs of single pages are lost; under the mutex of the chunks. */
    long lostSingles() {
        return lostSingles;
    }

    private static int recordOf(Region region) {
        return 2 * RegionTable.indexInGigabyte(region.hpa);
    }
}
