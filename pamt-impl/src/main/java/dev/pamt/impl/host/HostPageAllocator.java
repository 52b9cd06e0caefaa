package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The default page allocator of a host: 4K pages and 2M chunks of given ranges of RAM.
 *
 * <p>Placement is that of a kernel with per-processor lists: a thread fills one 2M region page by page, pages that were
 * freed are used again first, and a region whose pages are all free is a chunk again. Chunks come from the top of memory,
 * untouched regions for pages from the bottom. A region that RAM covers only in part gives pages and never a chunk. What
 * nobody has touched costs 4 bytes a GiB; a GiB once touched costs 2 KiB, a region once touched 8 to 16 bytes, and one in use
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
     *   open      a Region  belongs to the stripe that opened it, for as long as it is open
     *   a chunk   CHUNK     handed out as a whole
     *
     * Two kinds of lock, taken in this order and never two of a kind:
     *   a Stripe guards its list and, of every Region that it has opened, the free bits and the links;
     *   the pool guards which free regions there are and the slots of regions that become open or a chunk.
     *
     * A thread takes pages from the stripe that its id hashes to. freePage goes to the stripe that has opened the page's
     * region, whichever thread it is called by; the slot is read without a lock. That is enough: while a page is
     * allocated its region stays open, so whoever frees a page that is his finds the Region. Whoever frees one that is
     * not may find null, or a Region that has just been closed; all bits of that one say free, so he is refused.
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
    private static final int REGION_SHIFT = 21;
    private static final int GIB_SHIFT = 30;
    private static final int REGIONS_PER_GIB = 1 << (GIB_SHIFT - REGION_SHIFT);
    private static final int PAGES_PER_REGION = 1 << 9;
    private static final int MAX_STRIPES = 64;

    private static final Region CHUNK = new Region(NONE, null, null);

    private final List<PhysicalRange> memory;
    private final boolean chunks;
    private final long totalPages;
    private final Stripe[] stripes;
    private final Pool pool;

    // The directory: runs of GiBs that hold memory, and for each GiB of them the slots of its regions, once touched.
    private final long[] runFirstGib;
    private final int[] runFirstIndex;
    private final AtomicReferenceArray<AtomicReferenceArray<Region>> gibs;

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
        this.memory = Ranges.union(memory);
        this.chunks = chunks;
        totalPages =
                memory.stream().mapToLong(range -> range.bytes() / PAGE_BYTES).sum();
        int processors = Runtime.getRuntime().availableProcessors();
        stripes = new Stripe[Math.min(MAX_STRIPES, Integer.highestOneBit(processors) * 2)];
        Arrays.setAll(stripes, index -> new Stripe());

        List<PhysicalRange> runs = roundedOut(this.memory, GIB_SHIFT);
        runFirstGib = new long[runs.size()];
        runFirstIndex = new int[runs.size() + 1];
        for (int run = 0; run < runs.size(); run++) {
            runFirstGib[run] = runs.get(run).baseHpa() >> GIB_SHIFT;
            runFirstIndex[run + 1] =
                    runFirstIndex[run] + Math.toIntExact(runs.get(run).bytes() >> GIB_SHIFT);
        }
        gibs = new AtomicReferenceArray<>(runFirstIndex[runs.size()]);
        pool = new Pool();
    }

    private static List<PhysicalRange> roundedOut(List<PhysicalRange> ranges, int shift) {
        long mask = (1L << shift) - 1;
        return Ranges.union(ranges.stream()
                .map(range -> PhysicalRange.between(range.baseHpa() & ~mask, (range.endHpa() + mask) & ~mask))
                .toList());
    }

    @Override
    public long allocPage() {
        Stripe stripe = stripes[stripeOfThisThread()];
        acquire(stripe.lock);
        try {
            if (stripe.first == null) {
                Region opened = pool.open(stripe);
                if (opened != null) {
                    stripe.push(opened);
                }
            }
            if (stripe.first != null) {
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
                acquire(stripe.lock);
                try {
                    if (stripe.first != null) {
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
            acquire(own.lock);
            try {
                Region opened = pool.open(own);
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
        Region region = (hpa & (PAGE_BYTES - 1)) == 0 ? regionAt(hpa) : null;
        if (region == null) {
            throw refused("page", hpa, PAGE_BYTES, "it has not been allocated");
        }
        if (region == CHUNK) {
            throw refused("page", hpa, PAGE_BYTES, "it lies in a chunk, which is given back as a whole");
        }
        Stripe stripe = region.stripe;
        acquire(stripe.lock);
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
        if ((hpa & (CHUNK_BYTES - 1)) != 0 || regionAt(hpa) != CHUNK || !pool.putChunk(hpa)) {
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
        long pages = pool.chunksOut() * PAGES_PER_REGION;
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
        // Fibonacci hashing: thread ids come in sequence, and so spread evenly.
        return (int) ((Thread.currentThread().getId() * 0x9E37_79B9_7F4A_7C15L) >>> 32) & (stripes.length - 1);
    }

    /** Locks, even without the heap that a {@link ReentrantLock} of JDK 17 needs for an entry of its queue. */
    private static void acquire(ReentrantLock lock) {
        try {
            lock.lock();
        } catch (OutOfMemoryError noQueueEntry) {
            while (!lock.tryLock()) {
                // As short as it can be made; a thread that only spins keeps the owner from a processor.
                LockSupport.parkNanos(1);
            }
        }
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

    /** The place of the slots of an address's GiB in the directory, or -1. */
    private int gibIndex(long hpa) {
        long gib = hpa >> GIB_SHIFT;
        int found = Arrays.binarySearch(runFirstGib, gib);
        int run = found >= 0 ? found : -found - 2;
        if (run < 0) {
            return -1;
        }
        long index = runFirstIndex[run] + (gib - runFirstGib[run]);
        return index < runFirstIndex[run + 1] ? (int) index : -1;
    }

    private static int slot(long hpa) {
        return (int) (hpa >> REGION_SHIFT) & (REGIONS_PER_GIB - 1);
    }

    private Region regionAt(long hpa) {
        int gib = gibIndex(hpa);
        AtomicReferenceArray<Region> slots = gib < 0 ? null : gibs.getAcquire(gib);
        return slots == null ? null : slots.getAcquire(slot(hpa));
    }

    /** Makes the slots of an address's GiB unless they are there; slots that nothing is put into mean the same as none. */
    private void makeSlots(long hpa) {
        int gib = gibIndex(hpa);
        if (gibs.getPlain(gib) == null) {
            gibs.setRelease(gib, new AtomicReferenceArray<>(REGIONS_PER_GIB));
        }
    }

    /** Fills a slot that has been made. */
    private void setRegionAt(long hpa, Region region) {
        gibs.getPlain(gibIndex(hpa)).setRelease(slot(hpa), region);
    }

    /** Which regions are free. Regions never touched are intervals, those that came back a stack. */
    private final class Pool {
        private final ReentrantLock lock = new ReentrantLock();
        private final Untouched untouched;
        private final LongStack returned = new LongStack();
        private final LongStack partial = new LongStack();

        /** Regions that were untouched once. The stack of those that came back has room for every one of them. */
        private int touched;

        private long chunksOut;

        /** How often a region has come back, so that a thread can tell that it has missed one. */
        private long returns;

        Pool() {
            long mask = CHUNK_BYTES - 1;
            List<PhysicalRange> whole = new ArrayList<>();
            for (PhysicalRange range : memory) {
                long start = (range.baseHpa() + mask) & ~mask;
                long end = range.endHpa() & ~mask;
                if (start < end) {
                    whole.add(PhysicalRange.between(start, end));
                }
            }
            for (PhysicalRange edge : Ranges.without(roundedOut(memory, REGION_SHIFT), whole)) {
                for (long hpa = edge.baseHpa(); hpa < edge.endHpa(); hpa += CHUNK_BYTES) {
                    partial.makeRoomFor(partial.size + 1);
                    partial.push(hpa);
                }
            }
            untouched = new Untouched(whole);
        }

        /** Opens a free region for a stripe whose lock is held; those that can be no chunk go first. Null if none. */
        Region open(Stripe stripe) {
            acquire(lock);
            try {
                LongStack stack = partial.isEmpty() ? returned : partial;
                long hpa = stack.isEmpty() ? untouched.lowest() : stack.peek();
                if (hpa == NONE) {
                    return null;
                }
                Region region = new Region(hpa, stripe, presentPages(hpa));
                makeRoomFor(hpa);
                if (stack.isEmpty()) {
                    untouched.removeLowest();
                    touched++;
                } else {
                    stack.pop();
                }
                setRegionAt(hpa, region);
                return region;
            } finally {
                lock.unlock();
            }
        }

        /** Takes back a region all of whose pages are free; its stripe's lock is held. */
        void close(Region region) {
            acquire(lock);
            try {
                setRegionAt(region.hpa, null);
                (region.isWhole() ? returned : partial).push(region.hpa);
                returns++;
            } finally {
                lock.unlock();
            }
        }

        /** Hands a region out as a chunk that a stripe, whose lock is held, no longer uses. */
        void closeIntoChunk(Region region) {
            acquire(lock);
            try {
                setRegionAt(region.hpa, CHUNK);
                chunksOut++;
            } finally {
                lock.unlock();
            }
        }

        /** Takes a chunk from the top, where pages come last: so the two spoil each other's regions least. */
        long takeChunk() {
            acquire(lock);
            try {
                long hpa = returned.isEmpty() ? untouched.highest() : returned.peek();
                if (hpa == NONE) {
                    return NONE;
                }
                makeRoomFor(hpa);
                if (returned.isEmpty()) {
                    untouched.removeHighest();
                    touched++;
                } else {
                    returned.pop();
                }
                setRegionAt(hpa, CHUNK);
                chunksOut++;
                return hpa;
            } finally {
                lock.unlock();
            }
        }

        boolean putChunk(long hpa) {
            acquire(lock);
            try {
                if (regionAt(hpa) != CHUNK) {
                    return false;
                }
                setRegionAt(hpa, null);
                returned.push(hpa);
                chunksOut--;
                returns++;
                return true;
            } finally {
                lock.unlock();
            }
        }

        long chunksOut() {
            acquire(lock);
            try {
                return chunksOut;
            } finally {
                lock.unlock();
            }
        }

        long returns() {
            acquire(lock);
            try {
                return returns;
            } finally {
                lock.unlock();
            }
        }

        /** Allocates all that a region needs beside its record, now and when it comes back. It is still free meanwhile. */
        private void makeRoomFor(long hpa) {
            makeSlots(hpa);
            returned.makeRoomFor(touched + 1);
        }

        /** The bits of a region's pages that are memory, or null if all are. */
        private long[] presentPages(long regionHpa) {
            PhysicalRange whole = new PhysicalRange(regionHpa, CHUNK_BYTES);
            List<PhysicalRange> parts = Ranges.inside(whole, memory);
            if (parts.get(0).equals(whole)) {
                return null;
            }
            long[] present = new long[PAGES_PER_REGION / Long.SIZE];
            for (PhysicalRange part : parts) {
                for (long hpa = part.baseHpa(); hpa < part.endHpa(); hpa += PAGE_BYTES) {
                    present[Region.word(hpa)] |= Region.bit(hpa);
                }
            }
            return present;
        }
    }

    /** The open regions that some of the threads take pages from. Callers hold the lock, see the comment at the top. */
    private final class Stripe {
        private final ReentrantLock lock = new ReentrantLock();
        private Region first;
        private long allocated;

        /** Takes a page of the first region; there is one. */
        long takePage() {
            Region region = first;
            long hpa = region.takePage();
            allocated++;
            if (region.freePages == 0) {
                unlink(region);
            }
            return hpa;
        }

        void putPage(Region region, long hpa) {
            region.putPage(hpa);
            allocated--;
            if (region.freePages == 1) {
                push(region);
            }
            if (region.isAllFree() && (region != first || region.next != null)) {
                unlink(region);
                pool.close(region);
            }
        }

        void push(Region region) {
            Region second = first;
            if (second != null && second.isAllFree()) {
                unlink(second);
                pool.close(second);
                second = first;
            }
            region.next = second;
            region.previous = null;
            if (second != null) {
                second.previous = region;
            }
            first = region;
        }

        /** Turns the wholly free region that this stripe may have into a chunk. */
        long closeIntoChunk() {
            acquire(lock);
            try {
                Region region = first;
                if (region == null || !region.isAllFree() || !region.isWhole()) {
                    return NONE;
                }
                unlink(region);
                pool.closeIntoChunk(region);
                return region.hpa;
            } finally {
                lock.unlock();
            }
        }

        long allocatedPages() {
            acquire(lock);
            try {
                return allocated;
            } finally {
                lock.unlock();
            }
        }

        private void unlink(Region region) {
            if (region.previous == null) {
                first = region.next;
            } else {
                region.previous.next = region.next;
            }
            if (region.next != null) {
                region.next.previous = region.previous;
            }
            region.next = null;
            region.previous = null;
        }
    }

    /** A region that pages are handed out from; guarded by its stripe. */
    private static final class Region {
        private final long hpa;
        private final Stripe stripe;
        private final long[] present;
        private final long[] free = new long[PAGES_PER_REGION / Long.SIZE];
        private final int pages;
        private int freePages;
        private Region previous;
        private Region next;

        /** Makes a region; present has the bits of the pages that are memory, null for all. */
        Region(long hpa, Stripe stripe, long[] present) {
            this.hpa = hpa;
            this.stripe = stripe;
            this.present = present;
            int memoryPages = 0;
            for (int word = 0; word < free.length; word++) {
                free[word] = present == null ? -1L : present[word];
                memoryPages += Long.bitCount(free[word]);
            }
            pages = memoryPages;
            freePages = memoryPages;
        }

        static int word(long hpa) {
            return (int) (hpa >> 18) & 7;
        }

        static long bit(long hpa) {
            return 1L << (hpa >> 12);
        }

        boolean isWhole() {
            return present == null;
        }

        boolean isAllFree() {
            return freePages == pages;
        }

        boolean isAllocated(long pageHpa) {
            int word = word(pageHpa);
            long bit = bit(pageHpa);
            return (free[word] & bit) == 0 && (present == null || (present[word] & bit) != 0);
        }

        long takePage() {
            int word = 0;
            while (free[word] == 0) {
                word++;
            }
            int page = Long.numberOfTrailingZeros(free[word]);
            free[word] &= free[word] - 1;
            freePages--;
            return hpa + ((long) word * Long.SIZE + page) * PAGE_BYTES;
        }

        void putPage(long pageHpa) {
            free[word(pageHpa)] |= bit(pageHpa);
            freePages++;
        }
    }

    /** The regions that have never been touched, as intervals that get shorter at both ends. */
    private static final class Untouched {
        private final long[] starts;
        private final long[] ends;
        private int first;
        private int last;

        Untouched(List<PhysicalRange> regions) {
            starts = regions.stream().mapToLong(PhysicalRange::baseHpa).toArray();
            ends = regions.stream().mapToLong(PhysicalRange::endHpa).toArray();
            last = starts.length - 1;
        }

        /** The lowest region, or {@link #NONE}. */
        long lowest() {
            return first > last ? NONE : starts[first];
        }

        /** The highest region, or {@link #NONE}. */
        long highest() {
            return first > last ? NONE : ends[last] - CHUNK_BYTES;
        }

        void removeLowest() {
            starts[first] += CHUNK_BYTES;
            if (starts[first] == ends[first]) {
                first++;
            }
        }

        void removeHighest() {
            ends[last] -= CHUNK_BYTES;
            if (starts[last] == ends[last]) {
                last--;
            }
        }
    }

    /** Addresses, last in first out. */
    private static final class LongStack {
        private long[] items = new long[16];
        private int size;

        boolean isEmpty() {
            return size == 0;
        }

        /** Allocates, so that pushes need not, as long as the stack never holds more than this. */
        void makeRoomFor(int most) {
            if (most > items.length) {
                items = Arrays.copyOf(items, Math.max(most, 2 * items.length));
            }
        }

        void push(long item) {
            items[size++] = item;
        }

        long peek() {
            return items[size - 1];
        }

        long pop() {
            return items[--size];
        }
    }
}
