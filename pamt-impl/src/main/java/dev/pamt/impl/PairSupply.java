package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The supply of page pairs, cut from 2M chunks where the host can give them, from single pages where it cannot; and the record
 * of which region holds which pair.
 *
 * <p>A chunk's region is in state DONOR for as long as the supply owns it, so it is never the target of an ADD or REMOVE,
 * and an ADD that donates pages of it cannot be busy on their account.
 *
 * <p><b>Where a pair is.</b> A pair is in exactly one place: in a slot, free in its chunk, held by a region, in a cache, in the
 * hands of a call under way, set aside, or lost. There are 16 slots for one pair each, 128 bytes apart, chosen by the region
 * that the pair is for, so that regions which go back and forth do not meet in one place. Behind them are the chunks under a
 * mutex, and behind those the host's allocator, which one thread at a time asks for a chunk. The allocator is called with
 * nothing locked that a thread with the lock of a region waits for.
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
final class PairSupply implements PairSource {
    private static final int SLOTS = 16;
    /** Longs between two slots: 128 bytes. The first slot is as far from the array's length. */
    private static final int SLOT_STRIDE = 16;
    /** What is in a slot without a pair; one that has a pair holds an odd number, since a pair may lie at address 0. */
    private static final long VACANT = 0;

    private static final long OCCUPIED = 1;

    private static final int MOST_SET_ASIDE = 64;

    private final HostPages pages;
    private final DonorRegions regions;
    /** Addresses of pairs: the first page's says all, and a long is stored without a barrier of the garbage collector. */
    private final AtomicLongArray slots = new AtomicLongArray((SLOTS + 1) * SLOT_STRIDE);

    private final ReentrantLock mutex = new ReentrantLock();
    /** Held by the one thread that asks the host for a chunk. No thread that holds the lock of a region waits for it. */
    private final ReentrantLock growing = new ReentrantLock();
    /** The chunks by address. Written under the mutex, read by any thread. */
    private final GigabyteDirectory<AtomicReferenceArray<DonorChunk>> chunks;
    /** For regions that hold a pair of single pages, the two pages, each plus OCCUPIED. Written under the region's lock. */
    private final GigabyteDirectory<AtomicLongArray> singles;
    /** Guarded by the mutex. */
    private final ChunkShelf shelf = new ChunkShelf();
    /** Written under the mutex; null if there is none. */
    private volatile DonorChunk home;
    /** Guarded by the mutex. */
    private long chunkCount;
    /** Guarded by the mutex. */
    private final PagePair[] setAside = new PagePair[MOST_SET_ASIDE];
    /** Guarded by the mutex. */
    private int setAsideCount;
    /** Pairs of single pages that are lost; guarded by the mutex. */
    private long lostSingles;

    /** Chunks between the shelf and the host's allocator, either way. */
    private final AtomicInteger chunksOnTheWay = new AtomicInteger();

    PairSupply(List<PhysicalRange> ram, HostPages pages, DonorRegions regions) {
        this.pages = pages;
        this.regions = regions;
        this.chunks = new GigabyteDirectory<>(ram);
        this.singles = new GigabyteDirectory<>(ram);
    }

    /** The regions of chunks, whose state only transitions may change. */
    interface DonorRegions {
        /** Makes what the two below need, so that a release needs no memory. */
        Transition prepare(long chunkHpa);

        /** Makes an unused region a donor. */
        Adoption adopt(Transition chunk);

        /** Makes a donor region empty again; false if its lock cannot be taken. Never throws. */
        boolean release(Transition chunk);

        /** Throws if the calling thread is inside a SEAMCALL, and so must not begin a transition. */
        void refuseReentry(String call);

        /** Whether the calling thread is inside a SEAMCALL. */
        boolean isInsideCall();
    }

    /** How the adoption of a chunk has ended. */
    enum Adoption {
        ADOPTED,
        /** The region is in use or keeps a pair. */
        IN_USE,
        /** The region is a donor already. */
        DONOR_ALREADY
    }

    @Override
    public PagePair take(long hpa) {
        if (pages.isClosed()) {
            throw new ManagerClosedException("the manager");
        }
        PagePair pair = takeFromSlot(slotOf(hpa));
        if (pair == null) {
            pair = takeFromChunks();
        }
        if (pair == null) {
            pair = takeFromNewChunk();
        }
        return pair != null ? pair : takePages(hpa);
    }

    private PagePair takeFromSlot(int slot) {
        long content = slots.get(slot);
        if (content == VACANT) {
            return null;
        }
        PagePair pair = PagePair.ofChunk(content & -PagePair.BYTES);
        return slots.compareAndSet(slot, content, VACANT) ? pair : null;
    }

    private PagePair takeFromChunks() {
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

    /** A thread that had to wait for another thread's chunk looks again: it holds pairs for 256 of them. */
    private PagePair takeFromNewChunk() {
        regions.refuseReentry("a call that needs a 2M chunk from the host");
        growing.lock();
        try {
            PagePair pair = takeFromChunks();
            while (pair == null && addChunk()) {
                pair = takeFromChunks();
            }
            return pair;
        } finally {
            growing.unlock();
            if (pages.isClosed()) {
                trim();
            }
        }
    }

    private boolean addChunk() {
        chunksOnTheWay.getAndIncrement();
        try {
            long chunkHpa = pages.takeChunk();
            return chunkHpa != PageAllocator.NONE && addChunk(chunkHpa);
        } finally {
            chunksOnTheWay.getAndDecrement();
        }
    }

    private boolean addChunk(long chunkHpa) {
        Adoption adoption = null;
        try {
            DonorChunk chunk = new DonorChunk(chunkHpa, regions.prepare(chunkHpa));
            AtomicReferenceArray<DonorChunk> place = placeOf(chunkHpa);
            adoption = regions.adopt(chunk.transition);
            if (adoption == Adoption.ADOPTED) {
                putOnShelf(chunk, place);
            }
        } finally {
            if (adoption != Adoption.ADOPTED && adoption != Adoption.DONOR_ALREADY) {
                pages.giveChunkBack(chunkHpa);
            }
        }
        switch (adoption) {
            case ADOPTED -> {}
            case IN_USE -> pages.refuseChunk(chunkHpa, "lies in a region that is in use, and goes back");
            case DONOR_ALREADY -> pages.refuseChunk(chunkHpa, "was given before and has not come back");
        }
        return adoption == Adoption.ADOPTED;
    }

    private AtomicReferenceArray<DonorChunk> placeOf(long chunkHpa) {
        AtomicReferenceArray<DonorChunk> place = chunks.get(chunkHpa);
        return place != null
                ? place
                : chunks.put(chunkHpa, new AtomicReferenceArray<>(RegionTable.REGIONS_PER_GIGABYTE));
    }

    private void putOnShelf(DonorChunk chunk, AtomicReferenceArray<DonorChunk> place) {
        Mutexes.lock(mutex);
        try {
            place.set(indexInGigabyte(chunk.hpa), chunk);
            shelf.add(chunk);
            chunkCount++;
        } finally {
            mutex.unlock();
        }
    }

    private PagePair takePages(long hpa) {
        long page0Hpa = PageAllocator.NONE;
        long page1Hpa = PageAllocator.NONE;
        PagePair pair = null;
        try {
            page0Hpa = pages.take(Holder.PAIR);
            page1Hpa = page0Hpa == PageAllocator.NONE ? PageAllocator.NONE : pages.take(Holder.PAIR);
            if (page1Hpa == PageAllocator.NONE) {
                throw new OutOfPagesException(
                        hpa == NO_REGION ? "a page pair" : String.format("a page pair for the region of 0x%x", hpa));
            }
            pair = new PagePair(page0Hpa, page1Hpa, false);
        } finally {
            if (pair == null && page0Hpa != PageAllocator.NONE) {
                pages.giveBackUnused(page0Hpa, Holder.PAIR);
            }
            if (pair == null && page1Hpa != PageAllocator.NONE) {
                pages.giveBackUnused(page1Hpa, Holder.PAIR);
            }
        }
        return pair;
    }

    @Override
    public void giveBack(PagePair pair) {
        giveBack(pair.page0Hpa(), pair.page1Hpa(), pair.fromChunk(), NO_REGION);
    }

    /** Takes a pair back from a region that may want one again soon; its pages are scrubbed. Never throws, allocates nothing. */
    void giveBack(long page0Hpa, long page1Hpa, boolean fromChunk, long hpa) {
        if (!fromChunk) {
            pages.giveBackUnused(page0Hpa, Holder.PAIR);
            pages.giveBackUnused(page1Hpa, Holder.PAIR);
        } else if (!putIntoSlot(slotOf(hpa), page0Hpa)) {
            returnToChunk(page0Hpa);
        }
    }

    private boolean putIntoSlot(int slot, long pairHpa) {
        if (!belongsIntoSlot(pairHpa)) {
            return false;
        }
        long content = pairHpa | OCCUPIED;
        if (slots.get(slot) != VACANT || !slots.compareAndSet(slot, VACANT, content)) {
            return false;
        }
        // The home may have moved, or the supply may have been closed, after the first look and before the slots were
        // emptied.
        return belongsIntoSlot(pairHpa) || !slots.compareAndSet(slot, content, VACANT);
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
        for (PagePair pair = pollSetAside(); pair != null; pair = pollSetAside()) {
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
                    - 2 * lostSingles
                    + (long) RegionWord.MAX_USERS * chunksOnTheWay.get()
                    + chunkPagesOut();
        } finally {
            mutex.unlock();
        }
    }

    private long chunkPagesOut() {
        long out = 0;
        for (int gigabyte = chunks.next(0); gigabyte >= 0; gigabyte = chunks.next(gigabyte + 1)) {
            AtomicReferenceArray<DonorChunk> place = chunks.at(gigabyte);
            for (int i = 0; i < place.length(); i++) {
                DonorChunk chunk = place.get(i);
                // A whole chunk is still to go, because its region could not be released.
                out += chunk == null ? 0 : chunk.isWhole() ? RegionWord.MAX_USERS : 2L * chunk.pairsOut();
            }
        }
        return out;
    }

    /** Keeps a pair out of circulation that the module has refused; false if too many are already. */
    boolean setAside(PagePair pair) {
        Mutexes.lock(mutex);
        try {
            if (pages.isClosed() || setAsideCount == MOST_SET_ASIDE) {
                return false;
            }
            setAside[setAsideCount++] = pair;
            return true;
        } finally {
            mutex.unlock();
        }
    }

    private PagePair pollSetAside() {
        Mutexes.lock(mutex);
        try {
            PagePair pair = setAsideCount == 0 ? null : setAside[--setAsideCount];
            if (pair != null) {
                setAside[setAsideCount] = null;
            }
            return pair;
        } finally {
            mutex.unlock();
        }
    }

    /** Notes that a region is given a pair; called under its lock, before the module is. */
    void hold(Region region, PagePair pair) {
        if (pair.fromChunk()) {
            chunkAt(pair.page0Hpa()).setHolder(pair.page0Hpa(), region.number());
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
        DonorChunk chunk = chunkAt(page0Hpa);
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

    /** Gives up whatever pair a region holds; called under its lock. Returns whether it held one. Never throws. */
    boolean lose(Region region) {
        Mutexes.lock(mutex);
        try {
            AtomicLongArray records = singles.get(region.hpa);
            if (records != null && records.getAndSet(recordOf(region), VACANT) != VACANT) {
                lostSingles++;
                return true;
            }
            return loseFromChunk(region.number());
        } finally {
            mutex.unlock();
        }
    }

    private boolean loseFromChunk(long region) {
        boolean lost = false;
        for (int gigabyte = chunks.next(0); gigabyte >= 0 && !lost; gigabyte = chunks.next(gigabyte + 1)) {
            AtomicReferenceArray<DonorChunk> place = chunks.at(gigabyte);
            for (int i = 0; i < place.length() && !lost; i++) {
                DonorChunk chunk = place.get(i);
                lost = chunk != null && chunk.lose(region);
            }
        }
        return lost;
    }

    /** Gives up a pair that has come back and could not be scrubbed. Never throws. */
    void losePair(long page0Hpa, boolean fromChunk) {
        Mutexes.lock(mutex);
        try {
            if (fromChunk) {
                chunkAt(page0Hpa).losePair(page0Hpa);
            } else {
                lostSingles++;
            }
        } finally {
            mutex.unlock();
        }
    }

    /** Whether a region holds a pair; called under its lock. A search of all chunks. */
    boolean holdsAny(Region region) {
        Mutexes.lock(mutex);
        try {
            AtomicLongArray records = singles.get(region.hpa);
            boolean holds = records != null && records.get(recordOf(region)) != VACANT;
            for (int gigabyte = chunks.next(0); gigabyte >= 0 && !holds; gigabyte = chunks.next(gigabyte + 1)) {
                AtomicReferenceArray<DonorChunk> place = chunks.at(gigabyte);
                for (int i = 0; i < place.length() && !holds; i++) {
                    DonorChunk chunk = place.get(i);
                    holds = chunk != null && chunk.isHeldBy(region.number());
                }
            }
            return holds;
        } finally {
            mutex.unlock();
        }
    }

    /** Gives up the pairs that regions hold, because the module is gone; returns how many. */
    long loseAll() {
        Mutexes.lock(mutex);
        try {
            return loseSingles() + loseChunks();
        } finally {
            mutex.unlock();
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

    private long loseChunks() {
        long lost = 0;
        for (int gigabyte = chunks.next(0); gigabyte >= 0; gigabyte = chunks.next(gigabyte + 1)) {
            AtomicReferenceArray<DonorChunk> place = chunks.at(gigabyte);
            for (int i = 0; i < place.length(); i++) {
                DonorChunk chunk = place.get(i);
                lost += chunk == null ? 0 : chunk.loseAll();
            }
        }
        return lost;
    }

    long sparePairs() {
        mutex.lock();
        try {
            long spare = shelf.freePairs();
            for (int slot = SLOT_STRIDE; slot < slots.length(); slot += SLOT_STRIDE) {
                spare += slots.get(slot) == VACANT ? 0 : 1;
            }
            return spare;
        } finally {
            mutex.unlock();
        }
    }

    long donorChunks() {
        mutex.lock();
        try {
            return chunkCount;
        } finally {
            mutex.unlock();
        }
    }

    long setAsidePairs() {
        mutex.lock();
        try {
            return setAsideCount;
        } finally {
            mutex.unlock();
        }
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
        for (int slot = SLOT_STRIDE; slot < slots.length(); slot += SLOT_STRIDE) {
            long content = slots.get(slot) == VACANT ? VACANT : slots.getAndSet(slot, VACANT);
            if (content != VACANT) {
                putHome(content & -PagePair.BYTES);
            }
        }
    }

    /** Has a pair free in its chunk, under the mutex. */
    private void putHome(long pairHpa) {
        DonorChunk chunk = chunkAt(pairHpa);
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
        chunks.get(whole.hpa).set(indexInGigabyte(whole.hpa), null);
        chunkCount--;
        return whole;
    }

    /** Gives a chunk back to the host that was taken off the shelf, and then all others that can go. */
    private void release(DonorChunk first, boolean spare) {
        DonorChunk surplus = first;
        while (surplus != null) {
            if (!regions.release(surplus.transition)) {
                putOnShelf(surplus, chunks.get(surplus.hpa));
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

    private DonorChunk chunkAt(long hpa) {
        DonorChunk chunk = home;
        if (chunk != null && (hpa & -PageAllocator.CHUNK_BYTES) == chunk.hpa) {
            return chunk;
        }
        AtomicReferenceArray<DonorChunk> place = chunks.get(hpa);
        return place == null ? null : place.get(indexInGigabyte(hpa));
    }

    private static int indexInGigabyte(long hpa) {
        return (int) RegionTable.regionOf(hpa) & (RegionTable.REGIONS_PER_GIGABYTE - 1);
    }

    private static int recordOf(Region region) {
        return 2 * indexInGigabyte(region.hpa);
    }

    private static int slotOf(long hpa) {
        return (1 + ((int) Hashing.spread(RegionTable.regionOf(hpa)) & (SLOTS - 1))) * SLOT_STRIDE;
    }
}
