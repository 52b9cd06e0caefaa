package dev.pamt.impl;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
import org.jctools.queues.MessagePassingQueue;
import org.jctools.queues.atomic.MpmcAtomicArrayQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The supply of page pairs: cut from 2M chunks where the host can give them, from single pages where it cannot.
 *
 * <p>A chunk's region is in state DONOR for as long as the supply owns it, so it is never the target of an ADD or REMOVE,
 * and an ADD that donates pages of it cannot be busy on their account. A chunk that is wholly free goes back to the host,
 * but for one, which saves the next ADD the way to the allocator.
 *
 * <p><b>Concurrency.</b> Four stages: slots for one pair each, 128 bytes apart, chosen by the region that the pair is for, so
 * that regions which go back and forth do not meet in one place; a bounded lock-free queue (JCTools); behind it the chunks
 * under a mutex; behind them the host's allocator, which one thread at a time asks for a chunk, and which is otherwise
 * called with nothing locked. A pair is in exactly one place at a time: in a slot, in the queue, free in its chunk, or with
 * somebody. The chunk's bit set counts a pair in a slot or in the queue as taken.
 */
final class PairSupply implements PairSource {
    private static final Logger LOG = LoggerFactory.getLogger(PairSupply.class);

    private static final long PAIR_BYTES = 2 * PageAllocator.PAGE_BYTES;
    private static final int PAIRS_PER_CHUNK = (int) (PageAllocator.CHUNK_BYTES / PAIR_BYTES);
    private static final int QUEUE_CAPACITY = 64;
    private static final int SLOTS = 16;
    /** Longs between two slots: 128 bytes. The first slot is as far from the array's length. */
    private static final int SLOT_STRIDE = 16;
    /** What is in a slot without a pair; one that has a pair holds an odd number, since a pair may lie at address 0. */
    private static final long VACANT = 0;

    private static final long OCCUPIED = 1;

    private static final int SPARE_CHUNKS = 1;

    private final PageAllocator allocator;
    private final DonorRegions regions;
    /** Addresses of pairs: the first page's says all, and a long is stored without telling the garbage collector. */
    private final AtomicLongArray slots = new AtomicLongArray((SLOTS + 1) * SLOT_STRIDE);

    private final MpmcAtomicArrayQueue<PagePair> ready = new MpmcAtomicArrayQueue<>(QUEUE_CAPACITY);
    private final ReentrantLock mutex = new ReentrantLock();
    /** Held by the one thread that asks the host for a chunk. Nobody who holds the lock of a region waits for it. */
    private final ReentrantLock growing = new ReentrantLock();
    /** By address; guarded by the mutex. */
    private final Map<Long, Chunk> chunks = new HashMap<>();
    /** Those with free pairs, the fullest first, so that no pair is looked for in all chunks; guarded by the mutex. */
    private final NavigableSet<Chunk> withFreePairs = new TreeSet<>();

    PairSupply(PageAllocator allocator, DonorRegions regions) {
        this.allocator = allocator;
        this.regions = regions;
    }

    /** The regions of chunks, whose state only the transitions may change. */
    interface DonorRegions {
        /** Makes an unused region a donor; false if it is not unused. */
        boolean adopt(long chunkHpa);

        /** Makes a donor region unused again. */
        void release(long chunkHpa);

        /** Whether a page lies in a donor region. */
        boolean isDonor(long pageHpa);

        /** Whether pages are RAM of the memory map. */
        boolean isRam(long hpa, int pages);
    }

    /** A chunk and which of its pairs are free. Its place among the others depends on how many are: it leaves to change. */
    private static final class Chunk implements Comparable<Chunk> {
        private final long hpa;
        private final BitSet free = new BitSet(PAIRS_PER_CHUNK);
        private int freePairs = PAIRS_PER_CHUNK;

        Chunk(long hpa) {
            this.hpa = hpa;
            free.set(0, PAIRS_PER_CHUNK);
        }

        /** The fullest first, by address among equals; no two chunks are equal. */
        @Override
        public int compareTo(Chunk other) {
            int order = Integer.compare(freePairs, other.freePairs);
            return order != 0 ? order : Long.compare(hpa, other.hpa);
        }

        int freePairs() {
            return freePairs;
        }

        boolean isWhollyFree() {
            return freePairs == PAIRS_PER_CHUNK;
        }

        PagePair take() {
            int index = free.nextSetBit(0);
            free.clear(index);
            freePairs--;
            return pairAt(hpa + index * PAIR_BYTES);
        }

        void putBack(PagePair pair) {
            free.set((int) ((pair.page0Hpa() - hpa) / PAIR_BYTES));
            freePairs++;
        }
    }

    /** A pair that has come back from the module. */
    PagePair returned(long page0Hpa, long page1Hpa) {
        return new PagePair(page0Hpa, page1Hpa, regions.isDonor(page0Hpa));
    }

    @Override
    public PagePair take(long hpa) {
        PagePair pair = takeFromSlot(slotOf(hpa));
        if (pair == null) {
            pair = ready.poll();
        }
        if (pair == null) {
            pair = takeFromChunks();
        }
        if (pair == null) {
            pair = takeFromNewChunk();
        }
        if (pair == null) {
            pair = takeFromAnySlot();
        }
        return pair != null ? pair : takePages(hpa);
    }

    private PagePair takeFromSlot(int slot) {
        long content = slots.get(slot) == VACANT ? VACANT : slots.getAndSet(slot, VACANT);
        return content == VACANT ? null : pairAt(content & -PAIR_BYTES);
    }

    /** Nobody is told that the host has no memory while a pair lies in the slot of another region. */
    private PagePair takeFromAnySlot() {
        PagePair pair = null;
        for (int slot = SLOT_STRIDE; slot < slots.length() && pair == null; slot += SLOT_STRIDE) {
            pair = takeFromSlot(slot);
        }
        return pair;
    }

    private static PagePair pairAt(long pairHpa) {
        return new PagePair(pairHpa, pairHpa + PageAllocator.PAGE_BYTES, true);
    }

    @Override
    public void giveBack(PagePair pair) {
        giveBack(pair, NO_REGION);
    }

    /** Takes a pair back from a region that may want one again soon; its pages are scrubbed. */
    void giveBack(PagePair pair, long hpa) {
        if (!pair.fromChunk()) {
            allocator.freePage(pair.page0Hpa());
            allocator.freePage(pair.page1Hpa());
        } else if (!putIntoSlot(slotOf(hpa), pair) && !ready.offer(pair)) {
            release(returnToChunks(List.of(pair), SPARE_CHUNKS));
        }
    }

    private boolean putIntoSlot(int slot, PagePair pair) {
        long content = (pair.page0Hpa() & -PAIR_BYTES) | OCCUPIED;
        return slots.get(slot) == VACANT && slots.compareAndExchange(slot, VACANT, content) == VACANT;
    }

    private static int slotOf(long hpa) {
        return (1 + ((int) Hashing.spread(RegionTable.regionOf(hpa)) & (SLOTS - 1))) * SLOT_STRIDE;
    }

    /** Gives every chunk back that has no pair with anybody. */
    void trim() {
        List<PagePair> idle = new ArrayList<>();
        ready.drain((MessagePassingQueue.Consumer<PagePair>) idle::add);
        for (PagePair pair = takeFromAnySlot(); pair != null; pair = takeFromAnySlot()) {
            idle.add(pair);
        }
        release(returnToChunks(idle, 0));
    }

    long sparePairs() {
        mutex.lock();
        try {
            long inSlots = IntStream.rangeClosed(1, SLOTS)
                    .filter(slot -> slots.get(slot * SLOT_STRIDE) != VACANT)
                    .count();
            return inSlots
                    + ready.size()
                    + withFreePairs.stream().mapToLong(Chunk::freePairs).sum();
        } finally {
            mutex.unlock();
        }
    }

    long donorChunks() {
        mutex.lock();
        try {
            return chunks.size();
        } finally {
            mutex.unlock();
        }
    }

    private PagePair takeFromChunks() {
        mutex.lock();
        try {
            // The fullest: the others then have a chance to become wholly free.
            Chunk fullest = withFreePairs.pollFirst();
            if (fullest == null) {
                return null;
            }
            PagePair pair = fullest.take();
            if (fullest.freePairs() > 0) {
                withFreePairs.add(fullest);
            }
            return pair;
        } finally {
            mutex.unlock();
        }
    }

    /** Whoever had to wait for another thread's chunk looks again: it holds pairs for 256 of them. */
    private PagePair takeFromNewChunk() {
        growing.lock();
        try {
            PagePair pair = takeFromChunks();
            while (pair == null && addChunk()) {
                pair = takeFromChunks();
            }
            return pair;
        } finally {
            growing.unlock();
        }
    }

    private boolean addChunk() {
        long chunkHpa = allocator.allocChunk();
        if (chunkHpa == PageAllocator.NONE) {
            return false;
        }
        requireRam(chunkHpa, PageAllocator.CHUNK_BYTES);
        if (!regions.adopt(chunkHpa)) {
            LOG.warn(
                    "the host's allocator gave chunk 0x{}, but its region is in use or keeps a pair; the chunk goes back",
                    Long.toHexString(chunkHpa));
            allocator.freeChunk(chunkHpa);
            return false;
        }
        mutex.lock();
        try {
            Chunk chunk = new Chunk(chunkHpa);
            chunks.put(chunkHpa, chunk);
            withFreePairs.add(chunk);
        } finally {
            mutex.unlock();
        }
        return true;
    }

    private PagePair takePages(long hpa) {
        long page0Hpa = allocator.allocPage();
        long page1Hpa = page0Hpa == PageAllocator.NONE ? PageAllocator.NONE : allocator.allocPage();
        if (page1Hpa == PageAllocator.NONE) {
            if (page0Hpa != PageAllocator.NONE) {
                allocator.freePage(page0Hpa);
            }
            throw new OutOfPagesException(
                    hpa == NO_REGION ? "a page pair" : String.format("a page pair for the region of 0x%x", hpa));
        }
        requireRam(page0Hpa, PageAllocator.PAGE_BYTES);
        requireRam(page1Hpa, PageAllocator.PAGE_BYTES);
        return new PagePair(page0Hpa, page1Hpa, false);
    }

    /** What a user's allocator may get wrong is found before any lock is taken for it. */
    private void requireRam(long hpa, long bytes) {
        if ((hpa & (bytes - 1)) != 0 || !regions.isRam(hpa, (int) (bytes / PageAllocator.PAGE_BYTES))) {
            throw new IllegalStateException(String.format(
                    "the host's allocator gave %s 0x%x, which is misaligned or lies outside the memory map",
                    bytes == PageAllocator.PAGE_BYTES ? "page" : "chunk", hpa));
        }
    }

    /** Marks pairs free in their chunks; returns the chunks that the supply no longer owns. */
    private List<Chunk> returnToChunks(List<PagePair> pairs, int sparesToKeep) {
        List<Chunk> leaving = new ArrayList<>();
        mutex.lock();
        try {
            for (PagePair pair : pairs) {
                Chunk chunk = chunks.get(pair.page0Hpa() & -PageAllocator.CHUNK_BYTES);
                withFreePairs.remove(chunk);
                chunk.putBack(pair);
                withFreePairs.add(chunk);
            }
            withFreePairs.descendingSet().stream()
                    .takeWhile(Chunk::isWhollyFree)
                    .forEach(leaving::add);
            // Those with the lowest addresses are kept.
            leaving.subList(Math.max(0, leaving.size() - sparesToKeep), leaving.size())
                    .clear();
            for (Chunk chunk : leaving) {
                chunks.remove(chunk.hpa);
                withFreePairs.remove(chunk);
            }
        } finally {
            mutex.unlock();
        }
        return leaving;
    }

    private void release(List<Chunk> leaving) {
        for (Chunk chunk : leaving) {
            regions.release(chunk.hpa);
            allocator.freeChunk(chunk.hpa);
        }
    }
}
