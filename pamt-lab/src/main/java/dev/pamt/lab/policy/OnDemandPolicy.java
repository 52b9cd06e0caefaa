package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import dev.pamt.lab.host.PamtPolicy;

/**
 * A pair for each 2M region that holds 4K pages of the module, from the first to the last: what Linux has, and the library does. Whether a
 * region that is empty keeps its pair for a while is the manager's {@link dev.pamt.api.ReclaimPolicy}.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
class OnDemandPolicy implements PamtPolicy {
    private final String name;
    private final PamtManager manager;

    OnDemandPolicy(String name, PamtManager manager) {
        this.name = name;
        this.manager = manager;
    }

    PamtManager manager() {
        return manager;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void beforeMap(Use use, long hpa, PamtPageCache cache) {
        if (cache == null) {
            manager.get(hpa);
        } else {
            manager.get(hpa, cache);
        }
    }

    @Override
    public void afterUnmap(Use use, long hpa, boolean hint) {
        manager.put(hpa);
    }

    @Override
    public boolean mayMap2M(long chunkHpa) {
        return manager.state(chunkHpa).kind() != RegionState.Kind.BACKED;
    }

    @Override
    public void beforeMap2M(long chunkHpa) {
        manager.map2M(chunkHpa);
    }

    @Override
    public void afterUnmap2M(long chunkHpa) {
        manager.unmap2M(chunkHpa);
    }

    @Override
    public long demote2M(long chunkHpa, PamtPageCache cache, DemoteCall call) {
        return manager.demote2M(chunkHpa, cache, call);
    }

    @Override
    public long promote2M(long chunkHpa, PromoteCall call) {
        return manager.promote2M(chunkHpa, call);
    }
}
