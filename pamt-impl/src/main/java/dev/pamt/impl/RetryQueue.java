package dev.pamt.impl;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Regions whose pair has not come back, to be tried again: first in, first out, with a back-off that doubles from 1 to 1024
 * last puts. So a REMOVE that never succeeds costs one call in a thousand transitions, and keeps no other region waiting.
 *
 * <p>Time is counted in last puts, of any region, while there is something to try again: transitions happen one at a time, and
 * so do the retries.
 *
 * <p>The monitor is held for a few instructions and nothing is called under it.
 */
final class RetryQueue {
    /** What {@link #pollDue} returns if nothing is due. */
    static final long NONE = -1;

    private static final int LONGEST_SHIFT = 10;

    private static final class Entry {
        private final long hpa;
        private int failures;
        private long due;

        Entry(long hpa) {
            this.hpa = hpa;
        }
    }

    /** By back-off, each in the order in which its entries become due; an entry is in one of them, or taken. */
    private final List<ArrayDeque<Entry>> waiting = new ArrayList<>();

    private final Map<Long, Entry> entries = new HashMap<>();
    private long now;
    private volatile int size;
    private volatile boolean incomplete;

    RetryQueue() {
        for (int shift = 0; shift <= LONGEST_SHIFT; shift++) {
            waiting.add(new ArrayDeque<>());
        }
    }

    int size() {
        return size;
    }

    /** Notes that a region has to be tried again. Never throws; without memory it notes that something is missing here. */
    void failed(long hpa) {
        failed(hpa, 0);
    }

    /**
     * Notes that a region has to be tried again that was {@linkplain #take taken} before.
     *
     * @param failures how often that has failed before, for the back-off
     */
    synchronized void failed(long hpa, int failures) {
        try {
            Entry entry = entries.get(hpa);
            if (entry == null) {
                entry = new Entry(hpa);
                entries.put(hpa, entry);
            } else {
                dequeue(entry);
            }
            entry.failures = Math.max(entry.failures, failures);
            enqueue(entry);
        } catch (OutOfMemoryError noMemory) {
            incomplete = true;
        }
        size = entries.size();
    }

    private void dequeue(Entry entry) {
        for (ArrayDeque<Entry> queue : waiting) {
            if (queue.peekFirst() == entry) {
                queue.removeFirst();
                return;
            }
        }
        for (ArrayDeque<Entry> queue : waiting) {
            if (queue.removeFirstOccurrence(entry)) {
                return;
            }
        }
    }

    private void enqueue(Entry entry) {
        int shift = Math.min(entry.failures, LONGEST_SHIFT);
        waiting.get(shift).addLast(entry);
        entry.due = now + (1L << shift);
        entry.failures++;
    }

    /** Notes that a region need not be tried again. Never throws; without memory it is tried once more, in vain. */
    void forget(long hpa) {
        if (size > 0) {
            remove(hpa);
        }
    }

    /**
     * Takes a region out that is about to be tried. It is to be taken before its word is looked at: a put that leaves it idle
     * after the look, and fails, then notes it anew.
     *
     * @return how often it has failed so far, for {@link #failed(long, int)}
     */
    int take(long hpa) {
        return size > 0 ? remove(hpa) : 0;
    }

    private synchronized int remove(long hpa) {
        int failures = 0;
        try {
            Entry entry = entries.get(hpa);
            if (entry != null) {
                failures = entry.failures;
                dequeue(entry);
                entries.remove(hpa);
            }
        } catch (OutOfMemoryError noMemory) {
            incomplete = true;
        }
        size = entries.size();
        return failures;
    }

    /** Forgets all regions: the manager is closed. */
    synchronized void clear() {
        entries.clear();
        for (ArrayDeque<Entry> queue : waiting) {
            queue.clear();
        }
        size = 0;
    }

    /** Counts a last put. */
    void tick() {
        if (size > 0) {
            synchronized (this) {
                now++;
            }
        }
    }

    /** Returns the region that is due first, or {@link #NONE}; it stays here until it is {@link #forget forgotten}. */
    long pollDue() {
        return size == 0 ? NONE : due();
    }

    private synchronized long due() {
        Entry first = null;
        for (ArrayDeque<Entry> queue : waiting) {
            Entry entry = queue.peekFirst();
            if (entry != null && entry.due <= now && (first == null || entry.due < first.due)) {
                first = entry;
            }
        }
        if (first == null) {
            return NONE;
        }
        // The next thread is not given the same one; if this one does not report, it comes again.
        try {
            dequeue(first);
            enqueue(first);
            first.failures--;
        } catch (OutOfMemoryError noMemory) {
            incomplete = true;
        }
        return first.hpa;
    }

    /** Whether a region may be missing, since the last call of this. */
    boolean wasIncomplete() {
        if (!incomplete) {
            return false;
        }
        incomplete = false;
        return true;
    }
}
