package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The open regions that some of the threads take pages from. Callers hold the lock, as {@link HostPageAllocator} says, but for
 * the methods that take it themselves.
 */
final class Stripe {
    final ReentrantLock lock = new ReentrantLock();
    private final FreeRegions pool;
    private OpenRegion first;
    private long allocated;

    Stripe(FreeRegions pool) {
        this.pool = pool;
    }

    boolean hasPage() {
        return first != null;
    }

    /** Takes a page of the first region; there is one. */
    long takePage() {
        OpenRegion region = first;
        long hpa = region.takePage();
        allocated++;
        if (region.freePages() == 0) {
            unlink(region);
        }
        return hpa;
    }

    void putPage(OpenRegion region, long hpa) {
        region.putPage(hpa);
        allocated--;
        if (region.freePages() == 1) {
            push(region);
        }
        if (region.isAllFree() && (region != first || region.next != null)) {
            unlink(region);
            pool.close(region);
        }
    }

    void push(OpenRegion region) {
        OpenRegion second = first;
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

    /** Turns the wholly free region that this stripe may have into a chunk; takes the lock. */
    long closeIntoChunk() {
        Mutexes.lock(lock);
        try {
            OpenRegion region = first;
            if (region == null || !region.isAllFree() || !region.isWhole()) {
                return PageAllocator.NONE;
            }
            unlink(region);
            pool.closeIntoChunk(region);
            return region.hpa;
        } finally {
            lock.unlock();
        }
    }

    /** Returns how many pages are handed out; takes the lock. */
    long allocatedPages() {
        Mutexes.lock(lock);
        try {
            return allocated;
        } finally {
            lock.unlock();
        }
    }

    private void unlink(OpenRegion region) {
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
