package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.PamtPolicy;
import dev.pamt.seamcall.TdxStatus;

/**
 * No counts: ADD when the module refuses a page because its region has no pair, REMOVE when it says that the last page of a region has gone.
 * It was discussed for Linux and never posted. It races: an ADD or REMOVE collides with the calls of others, a pair goes away between a hint
 * and the next page, and a REMOVE beside a page that is on its way out can stop the module.
 *
 * <p>It does not use the manager. Memory for a pair is taken under the lock of the MMU, which a kernel cannot do.
 */
final class LazyPolicy implements PamtPolicy {
    private final RawPairs pairs;

    LazyPolicy(TdxHost host) {
        pairs = new RawPairs(host);
    }

    @Override
    public String name() {
        return PamtPolicies.LAZY;
    }

    @Override
    public int pairsForFault() {
        return 0;
    }

    @Override
    public void beforeMap(Use use, long hpa, PamtPageCache cache) {
        // The module will say.
    }

    @Override
    public boolean onMissingPair(long hpa) {
        long status = pairs.add(hpa);
        // The page may be free by now, or another vCPU may have been faster.
        return !TdxStatus.isError(status)
                || TdxStatus.HPA_RANGE_NOT_FREE.matches(status)
                || TdxStatus.OPERAND_BUSY.matches(status);
    }

    @Override
    public void afterUnmap(Use use, long hpa, boolean hint) {
        if (hint) {
            pairs.remove(hpa);
        }
    }

    @Override
    public boolean mayMap2M(long chunkHpa) {
        return true;
    }

    @Override
    public void beforeMap2M(long chunkHpa) {
        // A pair that was left behind makes the module refuse.
    }

    @Override
    public void afterUnmap2M(long chunkHpa) {
        // There was none.
    }

    @Override
    public long demote2M(long chunkHpa, PamtPageCache cache, DemoteCall call) {
        return RawSplits.demote(pairs, chunkHpa, call);
    }

    @Override
    public long promote2M(long chunkHpa, PromoteCall call) {
        return RawSplits.promote(pairs, chunkHpa, call);
    }

    @Override
    public void close() {
        pairs.regions().forEach(pairs::remove);
    }
}
