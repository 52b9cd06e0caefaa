package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import java.util.Arrays;
import java.util.List;

/**
 * The default page allocator of a host: 4K pages and 2M chunks of given ranges of RAM.
 *
 * <p>Placement is that of a kernel with per-processor lists: a thread fills one 2M region page by page, pages that were
 * freed are used again first, and a region whose pages are all free is a chunk again. Chunks come from the top of memory,
 * untouched regions for pages from the bottom. A region that RAM covers only in part gives pages and never a chunk. Memory that
 * was never touched costs next to nothing; a TiB once touched costs 4 KiB, a GiB 2 KiB, a region 8 to 16 bytes, and one in use
 * about 130 bytes more.
 *
 * <p>A page or chunk that is given back and was not handed out is refused with an {@link IllegalArgumentException}; nothing
 * has changed then. Nor has it when a call that takes a page or a chunk ends in an {@link OutOfMemoryError}. Giving back
 * allocates nothing, so it works without any heap left.
 *
 * <p><b>Thread-safety:</b> any number of threads at once, platform or virtual. <b>Progress:</b> blocks only for the few
 * instructions of another thread that is on the same stripe; taking a page that the thread's stripe has, and giving one
 * back, allocates nothing.
 */
public final class HostPageAllocator implements PageAllocator {
    /*
     * Concurrency.
     *
     * A region is in one of these states; its slot in the directory says which:
     *   free      null      all its pages are free, and it is in the pool
     *   open      a region  belongs to the stripe that opened it, for as long as it is open
     *   a chunk   CHUNK     handed out as a whole
     *
     * Two kinds of lock, taken in this order and never two of a kind:
     *   a Stripe guards its list and, of every region that it has opened, the free bits and the links;
     *   the pool guards which free regions there are and the slots of regions that become open or a chunk.
     *
     * A thread takes pages from the stripe that its id hashes to. freePage goes to the stripe that has opened the page's
     * region, whichever thread it is called by; the slot is read without a lock. That is enough: while a page is
     * allocated its region stays open, so a thread that frees an allocated page finds the region. One that frees a page that is
     * not may find null, or a region that has just been closed; all bits of that one say free, so it is refused.
     *
     * A stripe's list holds the open regions that have a free page, in the order in which they are to be used. A region
     * whose last page comes back is closed, unless it is the only one of its list: otherwise a single page taken and
     * given back in turn would open and close a region each time. So a stripe keeps at most one region that is wholly
     * free; allocChunk collects these when the pool has none left.
     *
     * A thread whose stripe and whose pool are empty takes a page from another stripe, one after another. It reports that
     * there is none only if no region has come back to the pool meanwhile.
     *
     * Heap. A region that is taken is allocated for first: its record, its slot, its place in the stack for the day it
     * comes back. Only then does it leave the books of the pool, and from there to the end of the call nothing can fail.
     * So an OutOfMemoryError loses no memory of the host, and close and freeChunk find all that they need.
     */
    private static final int MAX_STRIPES = 64;

    private final List<PhysicalRange> memory;
    private final boolean chunks;
    private final long totalPages;
    private final Stripe[] stripes;
    private final FreeRegions pool;

    /**
     * Makes an allocator that gives pages and chunks.
     *
     * @param memory the RAM to hand out: whole 4K pages, ascending and apart from each other
     */
    public HostPageAllocator(List<PhysicalRange> memory) {
        this(memory, true);
    }

    /**
     * Makes an allocator.
     *
     * @param memory the RAM to hand out: whole 4K pages, ascending and apart from each other
     * @param chunks whether it gives chunks; one that does not stands for a host whose memory is fragmented
     */
    public HostPageAllocator(List<PhysicalRange> memory, boolean chunks) {
        this.memory = PhysicalRanges.union(memory);
        this.chunks = chunks;
        totalPages =
                memory.stream().mapToLong(range -> range.bytes() / PAGE_BYTES).sum();
        int processors = Runtime.getRuntime().availableProcessors();
        stripes = new Stripe[Math.min(MAX_STRIPES, Integer.highestOneBit(processors) * 2)];
        pool = new FreeRegions(this.memory);
        Arrays.setAll(stripes, index -> new Stripe(pool));
    }

    @Override
    public long allocPage() {
        Stripe stripe = stripes[stripeOfThisThread()];
        Mutexes.lock(stripe.lock);
        try {
            if (!stripe.hasPage()) {
                OpenRegion opened = pool.open(stripe);
                if (opened != null) {
                    stripe.push(opened);
                }
            }
            if (stripe.hasPage()) {
                return stripe.takePage();
            }
        } finally {
            stripe.lock.unlock();
        }
        return takePageFromAnyStripe();
    }

    private long takePageFromAnyStripe() {
        while (true) {
            long returns = pool.returns();
            for (Stripe stripe : stripes) {
                Mutexes.lock(stripe.lock);
                try {
                    if (stripe.hasPage()) {
                        return stripe.takePage();
                    }
                } finally {
                    stripe.lock.unlock();
                }
            }
            if (pool.returns() == returns) {
                return NONE;
            }
            Stripe own = stripes[stripeOfThisThread()];
            Mutexes.lock(own.lock);
            try {
                OpenRegion opened = pool.open(own);
                if (opened != null) {
                    own.push(opened);
                    return own.takePage();
                }
            } finally {
                own.lock.unlock();
            }
        }
    }

    @Override
    public void freePage(long hpa) {
        OpenRegion region = (hpa & (PAGE_BYTES - 1)) == 0 ? pool.regionAt(hpa) : null;
        if (region == null) {
            throw refused("page", hpa, PAGE_BYTES, "it has not been allocated");
        }
        if (region == OpenRegion.CHUNK) {
            throw refused("page", hpa, PAGE_BYTES, "it lies in a chunk, which is given back as a whole");
        }
        Stripe stripe = region.stripe;
        Mutexes.lock(stripe.lock);
        try {
            if (!region.isAllocated(hpa)) {
                throw refused("page", hpa, PAGE_BYTES, "it has not been allocated, or was given back before");
            }
            stripe.putPage(region, hpa);
        } finally {
            stripe.lock.unlock();
        }
    }

    @Override
    public long allocChunk() {
        if (!chunks) {
            return NONE;
        }
        long chunk = pool.takeChunk();
        for (int i = 0; chunk == NONE && i < stripes.length; i++) {
            chunk = stripes[i].closeIntoChunk();
        }
        return chunk;
    }

    @Override
    public void freeChunk(long hpa) {
        if ((hpa & (CHUNK_BYTES - 1)) != 0 || pool.regionAt(hpa) != OpenRegion.CHUNK || !pool.putChunk(hpa)) {
            throw refused("chunk", hpa, CHUNK_BYTES, "it has not been allocated as a chunk, or was given back before");
        }
    }

    /**
     * The pages that are free, in chunks or not.
     *
     * @return how many, exact when no other thread is inside a call
     */
    public long freePages() {
        return totalPages - allocatedPages();
    }

    /**
     * The pages that are handed out, those in chunks included.
     *
     * @return how many, exact when no other thread is inside a call
     */
    public long allocatedPages() {
        long pages = pool.chunksOut() * OpenRegion.PAGES;
        for (Stripe stripe : stripes) {
            pages += stripe.allocatedPages();
        }
        return pages;
    }

    /**
     * All pages, free or not.
     *
     * @return how many
     */
    public long totalPages() {
        return totalPages;
    }

    @Override
    public String toString() {
        return "host page allocator, " + freePages() + " of " + totalPages + " pages free";
    }

    private int stripeOfThisThread() {
        return (int) Hashing.spread(Thread.currentThread().getId()) & (stripes.length - 1);
    }

    private IllegalArgumentException refused(String what, long hpa, long bytes, String why) {
        String rule = why;
        if ((hpa & (bytes - 1)) != 0) {
            rule = "it is no multiple of 0x" + Long.toHexString(bytes);
        } else if (memory.stream().noneMatch(range -> range.contains(hpa))) {
            rule = "it lies outside all memory that there is to hand out";
        }
        return new IllegalArgumentException(String.format("%s 0x%x cannot be given back: %s", what, hpa, rule));
    }
}
