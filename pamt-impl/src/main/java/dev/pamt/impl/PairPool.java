package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.impl.host.Mutexes;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The page pairs that lie ready, and the donor chunks that they are cut from.
 *
 * <p><b>Where a pair is.</b> A pair is in exactly one place: in a slot, free in its chunk, held by a region, in a cache, in the
 * hands of a call under way, set aside, or lost. The slots are taken and filled without a lock; behind them are the chunks
 * under a mutex. The allocator is called with nothing locked.
 *
 * <p><b>At most one chunk without a user.</b> New pairs come from one chunk, the <em>home</em>, until it has none left; then
 * the fullest of the others becomes home. Only pairs of the home lie in slots, so slots pin no other chunk. A chunk whose pairs
 * are all free goes back to the host, unless it is the home and no other has a free pair. When the home moves, the slots are
 * emptied; a thread that has put a pair into a slot looks at the home once more, and takes the pair out again if the home has
 * moved meanwhile.
 *
 * <p><b>After the close</b> a pair that comes home goes into its chunk, and a chunk that is whole goes to the host, with the
 * call that brings the pair.
 */
final class PairPool implements PairHome {
    private final DonorChunks chunks;
    private final PairRecords records;
    private final HostPages pages;
    private final DonorRegions regions;
    private final PairSlots slots = new PairSlots();
    private final ReentrantLock mutex;
    /** Guarded by the mutex. */
    private final ChunkShelf shelf = new ChunkShelf();
    /** Written under the mutex; null if there is none. */
    private volatile DonorChunk home;

    private final SetAside setAside;

    /** Chunks between the shelf and the host's allocator, either way. */
    private final AtomicInteger chunksOnTheWay = new AtomicInteger();

    PairPool(DonorChunks chunks, PairRecords records, HostPages pages, DonorRegions regions) {
        this.chunks = chunks;
        this.records = records;
        this.pages = pages;
        this.regions = regions;
        this.mutex = chunks.mutex;
        this.setAside = new SetAside(mutex, pages);
    }

    /** The regions of chunks that go. */
    interface DonorRegions {
        /** Makes a donor region empty again; false if its lock cannot be taken. Never throws. */
        boolean release(Transition chunk);

        /** Whether the calling thread is inside a SEAMCALL, and so must not begin a transition. */
        boolean isInsideCall();
    }

    /** Takes the pair that waits for a region, or else one from a chunk; null if there is none. */
    PagePair take(long hpa) {
        PagePair pair = slots.take(hpa);
        return pair != null ? pair : takeFromChunks();
    }

    /** Takes a pair from a chunk; null if there is none. */
    PagePair takeFromChunks() {
        mutex.lock();
        try {
            DonorChunk chunk = home;
            if (chunk == null || chunk.freePairs() == 0) {
                moveHome();
                chunk = home;
            }
            if (chunk == null) {
                return null;
            }
            PagePair pair = PagePair.ofChunk(chunk.firstFreeHpa());
            shelf.remove(chunk);
            chunk.take(pair.page0Hpa());
            shelf.add(chunk);
            return pair;
        } finally {
            mutex.unlock();
        }
    }

    /** A chunk is asked of the host, and so on its way; to be followed by {@link #chunkHasCome}. */
    void chunkIsComing() {
        chunksOnTheWay.getAndIncrement();
    }

    /** A chunk that was asked of the host was added, has gone back, or was not given. */
    void chunkHasCome() {
        chunksOnTheWay.getAndDecrement();
    }

    /** Adds a chunk that is {@linkplain DonorChunks#prepare prepared}, all of whose pairs are free. */
    void add(DonorChunk chunk) {
        Mutexes.lock(mutex);
        try {
            chunks.add(chunk);
            shelf.add(chunk);
        } finally {
            mutex.unlock();
        }
    }

    @Override
    public void giveBack(PagePair pair) {
        giveBack(pair.page0Hpa(), pair.page1Hpa(), pair.fromChunk(), PairSource.NO_REGION);
    }

    /** Takes a pair back from a region that may want one again soon; its pages are scrubbed. Never throws, allocates nothing. */
    void giveBack(long page0Hpa, long page1Hpa, boolean fromChunk, long hpa) {
        if (!fromChunk) {
            pages.giveBackUnused(page0Hpa, Holder.PAIR);
            pages.giveBackUnused(page1Hpa, Holder.PAIR);
        } else if (!putIntoSlot(hpa, page0Hpa)) {
            returnToChunk(page0Hpa);
        }
    }

    private boolean putIntoSlot(long hpa, long pairHpa) {
        if (!belongsIntoSlot(pairHpa) || !slots.put(hpa, pairHpa)) {
            return false;
        }
        // The home may have moved, or the supply may have been closed, after the first look and before the slots were
        // emptied.
        return belongsIntoSlot(pairHpa) || !slots.takeOut(hpa, pairHpa);
    }

    private boolean belongsIntoSlot(long pairHpa) {
        DonorChunk chunk = home;
        return chunk != null && (pairHpa & -PageAllocator.CHUNK_BYTES) == chunk.hpa && !pages.isClosed();
    }

    private void returnToChunk(long pairHpa) {
        DonorChunk surplus;
        Mutexes.lock(mutex);
        try {
            putHome(pairHpa);
            surplus = takeSurplus(!pages.isClosed());
        } finally {
            mutex.unlock();
        }
        release(surplus, !pages.isClosed());
    }

    /** Gives every chunk back that has no pair out, and has the pairs tried again that were set aside. Never throws. */
    void trim() {
        for (PagePair pair = setAside.poll(); pair != null; pair = setAside.poll()) {
            giveBack(pair);
        }
        DonorChunk surplus;
        Mutexes.lock(mutex);
        try {
            emptySlots();
            surplus = takeSurplus(false);
        } finally {
            mutex.unlock();
        }
        release(surplus, false);
    }

    /** Refuses every later call for a pair, gives all chunks back, and does so for the pairs that come home from now on. */
    void close() {
        pages.close();
        trim();
    }

    /**
     * Waits until no page is in the hands of a call under way; to be called after the close.
     *
     * @return how many pages are still out
     */
    long awaitPages() {
        return ManagerLifecycle.awaitNone(() -> {
            trim();
            return pagesOut();
        });
    }

    private long pagesOut() {
        Mutexes.lock(mutex);
        try {
            return pages.pages(Holder.CALLER)
                    + pages.pages(Holder.PAIR)
                    - 2 * records.lostSingles()
                    + (long) RegionWord.MAX_USERS * chunksOnTheWay.get()
                    + chunkPagesOut();
        } finally {
            mutex.unlock();
        }
    }

    private long chunkPagesOut() {
        long out = 0;
        for (DonorChunk chunk = chunks.first(); chunk != null; chunk = chunks.next(chunk)) {
            // A whole chunk is still to go, because its region could not be released.
            out += chunk.isWhole() ? RegionWord.MAX_USERS : 2L * chunk.pairsOut();
        }
        return out;
    }

    /** Keeps a pair out of circulation that the module has refused; false if too many are already, or this was closed. */
    boolean setAside(PagePair pair) {
        return setAside.push(pair);
    }

    long sparePairs() {
        mutex.lock();
        try {
            return shelf.freePairs() + slots.pairs();
        } finally {
            mutex.unlock();
        }
    }

    long donorChunks() {
        mutex.lock();
        try {
            return chunks.count();
        } finally {
            mutex.unlock();
        }
    }

    long setAsidePairs() {
        return setAside.pairs();
    }

    /** Makes the fullest chunk with free pairs the home, under the mutex; none if there is none. */
    private void moveHome() {
        if (home != null) {
            home = null;
            emptySlots();
        }
        home = shelf.fullest();
    }

    /** Has every pair that lies in a slot free in its chunk, under the mutex. */
    private void emptySlots() {
        for (int slot = 0; slot < PairSlots.SLOTS; slot++) {
            long pairHpa = slots.takeAny(slot);
            if (pairHpa != PairSlots.NONE) {
                putHome(pairHpa);
            }
        }
    }

    /** Has a pair free in its chunk, under the mutex. */
    private void putHome(long pairHpa) {
        DonorChunk chunk = chunks.at(pairHpa);
        shelf.remove(chunk);
        chunk.putBack(pairHpa);
        shelf.add(chunk);
    }

    /**
     * Takes a chunk off the shelf that has no pair out, under the mutex; null if there is none.
     *
     * @param spare whether the home stays if no other chunk has a free pair
     */
    private DonorChunk takeSurplus(boolean spare) {
        if (shelf.whole() == null || regions.isInsideCall()) {
            return null;
        }
        if (home == null || home.freePairs() == 0) {
            moveHome();
        }
        if (home.isWhole() && shelf.fullest() != home) {
            home = shelf.fullest();
        }
        DonorChunk whole = shelf.whole();
        if (whole == home && spare) {
            whole = whole.next;
        }
        if (whole == null) {
            return null;
        }
        if (whole == home) {
            home = null;
        }
        chunksOnTheWay.getAndIncrement();
        shelf.remove(whole);
        chunks.remove(whole);
        return whole;
    }

    /** Gives a chunk back to the host that was taken off the shelf, and then all others that can go. */
    private void release(DonorChunk first, boolean spare) {
        DonorChunk surplus = first;
        while (surplus != null) {
            if (!regions.release(surplus.transition)) {
                add(surplus);
                chunksOnTheWay.getAndDecrement();
                return;
            }
            pages.giveChunkBack(surplus.hpa);
            chunksOnTheWay.getAndDecrement();
            Mutexes.lock(mutex);
            try {
                surplus = takeSurplus(spare);
            } finally {
                mutex.unlock();
            }
        }
    }
}
