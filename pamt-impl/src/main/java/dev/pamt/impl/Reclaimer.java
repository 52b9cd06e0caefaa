package dev.pamt.impl;

import dev.pamt.api.ReclaimPolicy;
import dev.pamt.impl.PairRemover.Reclaim;
import java.util.concurrent.atomic.AtomicInteger;
import org.jctools.queues.atomic.MpmcAtomicArrayQueue;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides what happens to a region that has lost its last user, and has REMOVEs tried again that have failed.
 *
 * <p>Idle regions wait in a queue in the order in which they came; when too many wait, the first loses its pair. A region in
 * the queue has QUEUED set in its word, so one that goes back and forth between one user and none is enqueued once and costs
 * nothing more. QUEUED is cleared before the region is reclaimed: a putter that still sees it set relies on a reclaim that
 * comes after.
 *
 * <p><b>Bound.</b> A thread enqueues first, then counts, and takes regions out until the count is within the limit. A thread that
 * finds the queue empty meanwhile leaves that to the one whose region is about to be in it, which counts after that. So at rest
 * there are at most as many idle regions as the policy says, and at any moment one more for each thread inside a put.
 *
 * <p>Lock-free, apart from the reclaims themselves. Nothing here throws: the user is gone.
 */
final class Reclaimer {
    private static final Logger LOG = LoggerFactory.getLogger(Reclaimer.class);

    private final RegionTable table;
    private final PairRemover remover;
    private final RetryQueue retries;
    private final ReclaimPolicy policy;
    private final int limit;
    private final MpmcAtomicArrayQueue<Idle> idle;
    private final AtomicInteger queued = new AtomicInteger();
    private final View view = new View();
    private final RateLimitedLog complaints = new RateLimitedLog(LOG);

    Reclaimer(RegionTable table, PairRemover remover, RetryQueue retries, ReclaimPolicy policy) {
        this.table = table;
        this.remover = remover;
        this.retries = retries;
        this.policy = policy;
        this.limit = policy.idleRegions();
        this.idle = limit == 0 ? null : new MpmcAtomicArrayQueue<>(Math.max(2, limit) * 2);
    }

    /** A put has taken the last user of a region away. Never throws. */
    void emptied(long hpa, int[] words, int slot) {
        retries.tick();
        if (limit == 0) {
            remover.reclaim(hpa, words, slot);
        } else {
            keepIdle(hpa, words, slot);
        }
        retryOne();
    }

    /** Takes the pairs of all idle regions back, and settles those that are unknown; returns how many pairs have come. */
    int trim() {
        emptyQueue();
        int reclaimed = 0;
        for (long hpa = table.nextNeedingReclaim(0);
                hpa >= 0;
                hpa = table.nextNeedingReclaim(hpa + RegionTable.REGION_BYTES)) {
            reclaimed += remover.reclaim(hpa) == Reclaim.EMPTIED ? 1 : 0;
        }
        return reclaimed;
    }

    static boolean needsReclaim(int word) {
        return RegionWord.isIdle(word) || RegionWord.state(word) == RegionWord.UNKNOWN;
    }

    /** Takes pairs back as long as the policy says so; returns how many have come. */
    int reclaimIdle() {
        int reclaimed = 0;
        while (takesBackFirst()) {
            Idle first = poll();
            if (first == null) {
                return reclaimed;
            }
            reclaimed += reclaimQueued(first.hpa) == Reclaim.EMPTIED ? 1 : 0;
        }
        return reclaimed;
    }

    /** Takes all regions out of the queue; what is idle stays so. */
    private void emptyQueue() {
        for (Idle region = poll(); region != null; region = poll()) {
            clearQueued(region.hpa);
        }
    }

    private void keepIdle(long hpa, int[] words, int slot) {
        if (!Region.canBeQueued(RegionTable.lv(words, slot))) {
            return;
        }
        Idle region;
        try {
            region = new Idle(hpa & -RegionTable.REGION_BYTES);
        } catch (OutOfMemoryError noMemory) {
            remover.reclaim(hpa);
            return;
        }
        // Nothing from here to the offer needs memory: a region with QUEUED that is in no queue would be idle for ever.
        if (!Region.markQueued(words, slot)) {
            return;
        }
        if (idle.offer(region)) {
            queued.getAndIncrement();
        } else {
            reclaimQueued(hpa);
        }
        reclaimIdle();
    }

    /** The policy is the user's, and may throw. */
    private boolean takesBackFirst() {
        int count = queued.get();
        if (count <= 0 || count > limit) {
            return count > 0;
        }
        try {
            return policy.takesBackFirst(view);
        } catch (Throwable failure) {
            complaints.warn("with %d regions idle the reclaim policy has failed: %s", count, failure);
            return false;
        }
    }

    private Idle poll() {
        // The relaxed kind returns null, and does not spin, while a thread that has a place in the queue is not done.
        Idle region = idle == null ? null : idle.relaxedPoll();
        if (region != null) {
            queued.getAndDecrement();
        }
        return region;
    }

    private Reclaim reclaimQueued(long hpa) {
        clearQueued(hpa);
        return remover.reclaim(hpa);
    }

    private void clearQueued(long hpa) {
        Region.clearQueued(table.words(hpa), RegionTable.slot(hpa));
    }

    /** Tries one region again that is due. */
    private void retryOne() {
        if (retries.wasIncomplete()) {
            rememberAll();
        }
        long hpa = retries.pollDue();
        if (hpa != RetryQueue.NONE) {
            remover.reclaim(hpa);
        }
    }

    /** Finds the regions that could not be remembered for want of memory. */
    private void rememberAll() {
        for (long hpa = table.nextNeedingReclaim(0);
                hpa >= 0;
                hpa = table.nextNeedingReclaim(hpa + RegionTable.REGION_BYTES)) {
            retries.failed(hpa);
        }
    }

    /** A region in the queue, and since when. */
    private static final class Idle {
        private final long hpa;
        private final long sinceNanos = System.nanoTime();

        Idle(long hpa) {
            this.hpa = hpa;
        }
    }

    /** The queue as a policy sees it. */
    private final class View implements ReclaimPolicy.IdleRegions {
        @Override
        public int count() {
            return queued.get();
        }

        @Override
        public long firstIdleNanos() {
            Idle first = idle.relaxedPeek();
            return first == null ? 0 : System.nanoTime() - first.sinceNanos;
        }
    }
}
