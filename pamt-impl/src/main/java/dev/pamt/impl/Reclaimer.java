package dev.pamt.impl;

import dev.pamt.api.ReclaimPolicy;
import java.util.concurrent.atomic.AtomicInteger;
import org.jctools.queues.atomic.MpmcAtomicArrayQueue;

/**
 * Decides what happens to a region that has lost its last user, and tries REMOVEs again that have failed.
 *
 * <p>Idle regions wait in a queue in the order in which they came; when one too many waits, the first loses its pair. A
 * region in the queue has QUEUED set in its word, so one that goes back and forth between one user and none is enqueued
 * once and costs nothing more. QUEUED is cleared before the region is reclaimed: a putter that still sees it set relies on
 * a reclaim that comes after.
 *
 * <p>Lock-free, apart from the reclaims themselves.
 */
final class Reclaimer {
    private final RegionTable table;
    private final RegionTransitions transitions;
    private final int limit;
    private final MpmcAtomicArrayQueue<Long> idle;
    private final AtomicInteger queued = new AtomicInteger();

    Reclaimer(RegionTable table, RegionTransitions transitions, ReclaimPolicy policy) {
        this.table = table;
        this.transitions = transitions;
        this.limit = policy.idleRegions();
        // One more than the limit is in the queue for a moment, from each thread that enqueues.
        this.idle = limit == 0 ? null : new MpmcAtomicArrayQueue<>(Math.max(2, limit) * 2);
    }

    /** A put has taken the last user of a region away. */
    void emptied(long hpa, int[] words, int slot) {
        if (limit == 0) {
            transitions.reclaim(hpa, words, slot);
        } else {
            keepIdle(hpa, words, slot);
        }
        retryOne(hpa);
    }

    /** Takes the pairs of all idle regions back; returns how many came. */
    int trim() {
        int reclaimed = 0;
        for (Long hpa = poll(); hpa != null; hpa = poll()) {
            reclaimed += reclaimQueued(hpa) ? 1 : 0;
        }
        for (long hpa : transitions.toRetry()) {
            reclaimed += transitions.reclaim(hpa) ? 1 : 0;
        }
        return reclaimed;
    }

    private void keepIdle(long hpa, int[] words, int slot) {
        int seen = RegionTable.lv(words, slot);
        while (RegionWord.isBacked(seen) && RegionWord.users(seen) == 0) {
            if ((seen & RegionWord.QUEUED) != 0) {
                return;
            }
            int witness = RegionTable.cae(words, slot, seen, seen | RegionWord.QUEUED);
            if (witness == seen) {
                enqueue(hpa);
                return;
            }
            seen = witness;
        }
    }

    private void enqueue(long hpa) {
        if (queued.incrementAndGet() > limit) {
            Long first = poll();
            if (first != null) {
                reclaimQueued(first);
            }
        }
        if (!idle.offer(hpa)) {
            queued.decrementAndGet();
            reclaimQueued(hpa);
        }
    }

    private Long poll() {
        Long hpa = idle == null ? null : idle.poll();
        if (hpa != null) {
            queued.decrementAndGet();
        }
        return hpa;
    }

    private boolean reclaimQueued(long hpa) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        int seen = RegionTable.lv(words, slot);
        while (true) {
            int witness = RegionTable.cae(words, slot, seen, seen & ~RegionWord.QUEUED);
            if (witness == seen) {
                return transitions.reclaim(hpa);
            }
            seen = witness;
        }
    }

    /** Tries one REMOVE again that failed for another region: transitions happen one at a time, and so do the retries. */
    private void retryOne(long exceptHpa) {
        if (transitions.toRetry().isEmpty()) {
            return;
        }
        for (long hpa : transitions.toRetry()) {
            if (RegionTable.regionOf(hpa) != RegionTable.regionOf(exceptHpa)) {
                transitions.reclaim(hpa);
                return;
            }
        }
    }
}
