package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import java.util.Arrays;

/**
 * The pairs of a cache. An owner uses it alone, as a rule; a close of the manager may come from another thread at any
 * time, so each step is atomic, and a stack that was ended takes nothing any more.
 *
 * <p>The monitor is held for a few instructions and nothing is called under it, so a virtual thread is pinned for no longer
 * than that.
 */
final class PairStack {
    private final StripedCount counter;
    private PagePair[] pairs = new PagePair[8];
    private int size;
    private boolean ended;

    /** Makes an empty stack whose pairs are counted. */
    PairStack(StripedCount counter) {
        this.counter = counter;
    }

    synchronized int size() {
        return size;
    }

    /** Throws if the stack was ended. */
    synchronized void requireOpen() {
        if (ended) {
            throw new ManagerClosedException("the cache");
        }
    }

    /**
     * Makes room for one pair more unless there are enough; returns whether one more is wanted.
     *
     * @throws ManagerClosedException if the stack was ended
     */
    synchronized boolean wants(int wanted) {
        requireOpen();
        if (size == pairs.length && size < wanted) {
            pairs = Arrays.copyOf(pairs, 2 * size);
        }
        return size < wanted;
    }

    /** Adds a pair; false if the stack was ended, or there is no memory to make room. */
    synchronized boolean push(PagePair pair) {
        if (ended) {
            return false;
        }
        if (size == pairs.length) {
            try {
                pairs = Arrays.copyOf(pairs, 2 * size);
            } catch (OutOfMemoryError full) {
                return false;
            }
        }
        pairs[size++] = pair;
        counter.add(1);
        return true;
    }

    /** Removes the pair that came last; null if there is none. */
    synchronized PagePair poll() {
        if (size == 0) {
            return null;
        }
        PagePair pair = pairs[--size];
        pairs[size] = null;
        counter.add(-1);
        return pair;
    }

    /** Ends the stack: what is in it can still be polled, nothing comes in any more. Returns whether this call has done it. */
    synchronized boolean end() {
        boolean first = !ended;
        ended = true;
        return first;
    }
}
