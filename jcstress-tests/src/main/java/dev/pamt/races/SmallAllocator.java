package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The allocator of a {@link SmallHost}, which keeps accounts: 64 pages that share one word of any bit map, and the chunks that
 * it is told to have. A page or chunk that is freed is the next to be given out.
 */
final class SmallAllocator implements PageAllocator {
    private static final long ALL_PAGES = -1L;

    private final SmallModule module;
    private final AtomicLong freePages = new AtomicLong(ALL_PAGES);
    private final AtomicInteger freeChunks = new AtomicInteger();
    private final AtomicInteger chunks = new AtomicInteger();
    private final AtomicReference<String> complaint = new AtomicReference<>();

    SmallAllocator(SmallModule module) {
        this.module = module;
    }

    /** Lets a region be given out as a chunk. */
    void offerChunk(long hpa) {
        int bit = 1 << SmallHost.regionOf(hpa);
        chunks.getAndUpdate(offered -> offered | bit);
        freeChunks.getAndUpdate(free -> free | bit);
    }

    boolean isAllBack() {
        return freePages.get() == ALL_PAGES && freeChunks.get() == chunks.get();
    }

    /** What it was given that it cannot have, or null. */
    String complaint() {
        return complaint.get();
    }

    @Override
    public long allocPage() {
        long before = freePages.getAndUpdate(free -> free & (free - 1));
        return before == 0 ? NONE : SmallHost.page(Long.numberOfTrailingZeros(before));
    }

    @Override
    public void freePage(long hpa) {
        long index = (hpa - SmallHost.page(0)) / PAGE_BYTES;
        if (index < 0 || index >= Long.SIZE) {
            complain("a page that is not the host's");
            return;
        }
        if (module.holdsAnyOf(hpa, PAGE_BYTES)) {
            complain("a page is back that the module holds");
        }
        long bit = 1L << index;
        if ((freePages.getAndUpdate(free -> free | bit) & bit) != 0) {
            complain("a page given back twice");
        }
    }

    @Override
    public long allocChunk() {
        int before = freeChunks.getAndUpdate(free -> free & (free - 1));
        return before == 0 ? NONE : SmallHost.region(Integer.numberOfTrailingZeros(before));
    }

    @Override
    public void freeChunk(long hpa) {
        if (module.holdsAnyOf(hpa, CHUNK_BYTES)) {
            complain("a chunk is back that the module holds pages of");
        }
        int bit = 1 << SmallHost.regionOf(hpa);
        if ((chunks.get() & bit) == 0) {
            complain("a chunk that is not the host's");
        } else if ((freeChunks.getAndUpdate(free -> free | bit) & bit) != 0) {
            complain("a chunk given back twice");
        }
    }

    private void complain(String what) {
        complaint.compareAndSet(null, what);
    }
}
