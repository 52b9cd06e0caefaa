package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Which regions are free, and the directory that says which are open or a chunk. Regions never touched are intervals, those that
 * came back a stack.
 *
 * <p>One lock; the directory is read without it.
 */
final class FreeRegions {
    private static final int REGION_SHIFT = 21;

    private final List<PhysicalRange> memory;
    /** For each GiB the slots of its regions, once one of them was touched. */
    private final GigabyteDirectory<AtomicReferenceArray<OpenRegion>> directory;

    private final ReentrantLock lock = new ReentrantLock();
    private final Untouched untouched;
    private final LongStack returned = new LongStack();
    private final LongStack partial = new LongStack();

    /** Regions that were untouched once. The stack of those that came back has room for every one of them. */
    private int touched;

    private long chunksOut;

    /** How often a region has come back, so that a thread can tell that it has missed one. */
    private long returns;

    FreeRegions(List<PhysicalRange> memory) {
        this.memory = memory;
        this.directory = new GigabyteDirectory<>(memory);
        List<PhysicalRange> whole = PhysicalRanges.roundedIn(memory, PageAllocator.CHUNK_BYTES);
        for (PhysicalRange edge :
                PhysicalRanges.without(PhysicalRanges.roundedOut(memory, PageAllocator.CHUNK_BYTES), whole)) {
            for (long hpa = edge.baseHpa(); hpa < edge.endHpa(); hpa += PageAllocator.CHUNK_BYTES) {
                partial.makeRoomFor(partial.size + 1);
                partial.push(hpa);
            }
        }
        untouched = new Untouched(whole);
    }

    /** Opens a free region for a stripe whose lock is held; those that can be no chunk go first. Null if none. */
    OpenRegion open(Stripe stripe) {
        Mutexes.lock(lock);
        try {
            LongStack stack = partial.isEmpty() ? returned : partial;
            long hpa = stack.isEmpty() ? untouched.lowest() : stack.peek();
            if (hpa == PageAllocator.NONE) {
                return null;
            }
            OpenRegion region = new OpenRegion(hpa, stripe, presentPages(hpa));
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
    void close(OpenRegion region) {
        Mutexes.lock(lock);
        try {
            setRegionAt(region.hpa, null);
            (region.isWhole() ? returned : partial).push(region.hpa);
            returns++;
        } finally {
            lock.unlock();
        }
    }

    /** Hands a region out as a chunk that a stripe, whose lock is held, no longer uses. */
    void closeIntoChunk(OpenRegion region) {
        Mutexes.lock(lock);
        try {
            setRegionAt(region.hpa, OpenRegion.CHUNK);
            chunksOut++;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a chunk from the top, where pages come last: so the two spoil each other's regions least. */
    long takeChunk() {
        Mutexes.lock(lock);
        try {
            long hpa = returned.isEmpty() ? untouched.highest() : returned.peek();
            if (hpa == PageAllocator.NONE) {
                return PageAllocator.NONE;
            }
            makeRoomFor(hpa);
            if (returned.isEmpty()) {
                untouched.removeHighest();
                touched++;
            } else {
                returned.pop();
            }
            setRegionAt(hpa, OpenRegion.CHUNK);
            chunksOut++;
            return hpa;
        } finally {
            lock.unlock();
        }
    }

    boolean putChunk(long hpa) {
        Mutexes.lock(lock);
        try {
            if (regionAt(hpa) != OpenRegion.CHUNK) {
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
        Mutexes.lock(lock);
        try {
            return chunksOut;
        } finally {
            lock.unlock();
        }
    }

    long returns() {
        Mutexes.lock(lock);
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
        PhysicalRange whole = new PhysicalRange(regionHpa, PageAllocator.CHUNK_BYTES);
        List<PhysicalRange> parts = PhysicalRanges.inside(whole, memory);
        if (parts.get(0).equals(whole)) {
            return null;
        }
        long[] present = new long[OpenRegion.PAGES / Long.SIZE];
        for (PhysicalRange part : parts) {
            for (long hpa = part.baseHpa(); hpa < part.endHpa(); hpa += PageAllocator.PAGE_BYTES) {
                present[OpenRegion.word(hpa)] |= OpenRegion.bit(hpa);
            }
        }
        return present;
    }

    /** Returns the open region of an address, {@link OpenRegion#CHUNK} if it is a chunk, or null if it is free or no memory. */
    OpenRegion regionAt(long hpa) {
        AtomicReferenceArray<OpenRegion> slots = directory.get(hpa);
        return slots == null ? null : slots.getAcquire(slot(hpa));
    }

    /** Makes the slots of an address's GiB unless they are there; slots that nothing is put into mean the same as none. */
    private void makeSlots(long hpa) {
        if (directory.get(hpa) == null) {
            directory.put(hpa, new AtomicReferenceArray<>(GigabyteDirectory.REGIONS_PER_GIGABYTE));
        }
    }

    /** Fills a slot that has been made. */
    private void setRegionAt(long hpa, OpenRegion region) {
        directory.get(hpa).setRelease(slot(hpa), region);
    }

    private static int slot(long hpa) {
        return (int) (hpa >> REGION_SHIFT) & (GigabyteDirectory.REGIONS_PER_GIGABYTE - 1);
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

        /** The lowest region, or {@link PageAllocator#NONE}. */
        long lowest() {
            return first > last ? PageAllocator.NONE : starts[first];
        }

        /** The highest region, or {@link PageAllocator#NONE}. */
        long highest() {
            return first > last ? PageAllocator.NONE : ends[last] - PageAllocator.CHUNK_BYTES;
        }

        void removeLowest() {
            starts[first] += PageAllocator.CHUNK_BYTES;
            if (starts[first] == ends[first]) {
                first++;
            }
        }

        void removeHighest() {
            ends[last] -= PageAllocator.CHUNK_BYTES;
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

        void pop() {
            size--;
        }
    }
}
