package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;

/**
 * A region of guest memory has its pair from the moment at which the memory is populated until it goes back to the host, mapped or not. No
 * fault needs a pair for a guest page, and no chunk can be mapped as one page.
 */
final class PopulatePolicy extends OnDemandPolicy {
    PopulatePolicy(PamtManager manager) {
        super(PamtPolicies.POPULATE, manager);
    }

    @Override
    public void onPopulate(long hpa, int pages) {
        manager().get(hpa, pages);
    }

    @Override
    public void onDepopulate(long hpa, int pages) {
        manager().put(hpa, pages);
    }

    @Override
    public void beforeMap(Use use, long hpa, PamtPageCache cache) {
        if (use != Use.GUEST) {
            super.beforeMap(use, hpa, cache);
        }
    }

    @Override
    public void afterUnmap(Use use, long hpa, boolean hint) {
        if (use != Use.GUEST) {
            super.afterUnmap(use, hpa, hint);
        }
    }

    @Override
    public int pairsForFault() {
        // Those of the tables.
        return PamtPageCache.FAULT_PAIRS - 1;
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
