package dev.pamt.lab.policy;

import dev.pamt.api.DonorRegionException;
import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.locks.ReentrantLock;

/**
 * All of the host's memory has pairs from the first TD on, and none of it after the last: no bookkeeping for single regions, static PAMT for
 * hosts that run TDs and nothing for those that do not. No chunk can be mapped as one page.
 */
final class FirstTdPolicy extends OnDemandPolicy {
    private static final long REGION_BYTES = 2L << 20;
    private static final int MOST_TRIES = 5;

    private final ReentrantLock lock = new ReentrantLock();
    /** A page of each region that was got. */
    private final List<Long> held = new ArrayList<>();

    private int tds;

    FirstTdPolicy(PamtManager manager) {
        super(PamtPolicies.FIRST_TD, manager);
    }

    @Override
    public void onTdStart() {
        lock.lock();
        try {
            if (tds == 0) {
                backEverything();
            }
            tds++;
        } finally {
            lock.unlock();
        }
    }

    /** Draws all pairs first: the chunks that they are cut from are then no region that needs one. */
    private void backEverything() {
        SortedSet<Long> pages = new TreeSet<>();
        for (PhysicalRange range : manager().host().memory().ram()) {
            // A page of each region, which need not be RAM as a whole.
            for (long hpa = range.baseHpa(); hpa < range.endHpa(); hpa = (hpa & -REGION_BYTES) + REGION_BYTES) {
                pages.add(hpa);
            }
        }
        boolean done = false;
        try (VmPageCache cache = manager().newVmCache();
                PamtPageCache pairs = cache.reserve(pages.size())) {
            for (long page : pages) {
                back(page, pairs);
            }
            done = true;
        } finally {
            if (!done) {
                releaseEverything();
            }
        }
    }

    /** Backs a region; one whose ADD fails is tried a few times, because otherwise one failure would stop every TD. */
    private void back(long page, PamtPageCache pairs) {
        for (int tries = 1; ; tries++) {
            try {
                manager().get(page, pairs);
                held.add(page);
                return;
            } catch (DonorRegionException | ForeignPagePairException hasNoNeed) {
                // It holds the pairs of others, or has one that was given up.
                return;
            } catch (SeamcallFailedException e) {
                if (tries == MOST_TRIES) {
                    throw e;
                }
            }
        }
    }

    @Override
    public int pairsForFault() {
        return 0;
    }

    @Override
    public void beforeMap(Use use, long hpa, PamtPageCache cache) {
        // It is there.
    }

    @Override
    public void afterUnmap(Use use, long hpa, boolean hint) {
        // It stays.
    }

    @Override
    public void onTdEnd() {
        lock.lock();
        try {
            tds--;
            if (tds == 0) {
                releaseEverything();
            }
        } finally {
            lock.unlock();
        }
    }

    private void releaseEverything() {
        held.forEach(manager()::put);
        held.clear();
    }

    @Override
    public boolean mayMap2M(long chunkHpa) {
        return false;
    }

    @Override
    public boolean mayPromote() {
        return false;
    }
}
