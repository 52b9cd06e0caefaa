package dev.pamt.impl;

import dev.pamt.impl.host.Mutexes;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Pairs that the module has refused, kept out of circulation until a trim has them tried again.
 *
 * <p>At most 64: one more goes back to the supply. Guarded by the mutex of the supply, which is held for a few instructions;
 * nothing here allocates. A close sets its flag first and takes the pairs out afterwards, so a pair that comes under the mutex
 * later sees the flag.
 */
final class SetAside {
    private static final int MOST = 64;

    private final ReentrantLock mutex;
    private final HostPages pages;
    private final PagePair[] pairs = new PagePair[MOST];
    private int count;

    SetAside(ReentrantLock mutex, HostPages pages) {
        this.mutex = mutex;
        this.pages = pages;
    }

    /** Keeps a pair; false if there are too many already, or the host's pages are closed. */
    boolean push(PagePair pair) {
        Mutexes.lock(mutex);
        try {
            if (count == MOST || pages.isClosed()) {
                return false;
            }
            pairs[count++] = pair;
            return true;
        } finally {
            mutex.unlock();
        }
    }

    /** Removes a pair; null if there is none. */
    PagePair poll() {
        Mutexes.lock(mutex);
        try {
            if (count == 0) {
                return null;
            }
            PagePair pair = pairs[--count];
            pairs[count] = null;
            return pair;
        } finally {
            mutex.unlock();
        }
    }

    int pairs() {
        Mutexes.lock(mutex);
        try {
            return count;
        } finally {
            mutex.unlock();
        }
    }
}
