package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.PamtPolicy;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * On demand, as Linux would be with its global lock split by the region that is got or put: the regions of the donated pages are not locked.
 * That is what stopped the split on the list: the module locks the entries of the donated pages too, and a call that meets one in the hands
 * of another is answered BUSY.
 *
 * <p>A call that is busy is made again, up to a bound, so that the experiment goes on; Linux has no loop there.
 */
final class StripedPolicy implements PamtPolicy {
    private static final int LOCKS = 64;
    private static final int MOST_TRIES = 1000;

    private final RawPairs pairs;
    private final ReentrantLock[] locks = new ReentrantLock[LOCKS];
    /** Users of each region; each under its region's lock. */
    private final Map<Long, Integer> users = new ConcurrentHashMap<>();

    StripedPolicy(TdxHost host) {
        pairs = new RawPairs(host);
        Arrays.setAll(locks, index -> new ReentrantLock());
    }

    private ReentrantLock lockOf(long region) {
        return locks[(int) (region / RawPairs.REGION_BYTES) & (LOCKS - 1)];
    }

    @Override
    public String name() {
        return PamtPolicies.STRIPED;
    }

    @Override
    public int pairsForFault() {
        return 0;
    }

    @Override
    public void beforeMap(Use use, long hpa, PamtPageCache cache) {
        long region = hpa & -RawPairs.REGION_BYTES;
        ReentrantLock lock = lockOf(region);
        lock.lock();
        try {
            if (!users.containsKey(region)) {
                add(region);
            }
            users.merge(region, 1, Integer::sum);
        } finally {
            lock.unlock();
        }
    }

    private void add(long region) {
        long status = pairs.add(region);
        for (int tries = 1; TdxStatus.OPERAND_BUSY.matches(status) && tries < MOST_TRIES; tries++) {
            Thread.onSpinWait();
            status = pairs.add(region);
        }
        // One that was left behind is good enough.
        if (TdxStatus.isError(status) && !TdxStatus.HPA_RANGE_NOT_FREE.matches(status)) {
            throw new SeamcallFailedException(
                    SeamcallLeaf.PHYMEM_PAMT_ADD, status, String.format("to region 0x%x", region));
        }
    }

    @Override
    public void afterUnmap(Use use, long hpa, boolean hint) {
        long region = hpa & -RawPairs.REGION_BYTES;
        ReentrantLock lock = lockOf(region);
        lock.lock();
        try {
            if (users.merge(region, -1, (before, one) -> before == 1 ? null : before + one) == null) {
                long status = pairs.remove(region);
                for (int tries = 1; TdxStatus.OPERAND_BUSY.matches(status) && tries < MOST_TRIES; tries++) {
                    Thread.onSpinWait();
                    status = pairs.remove(region);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public boolean mayMap2M(long chunkHpa) {
        return !users.containsKey(chunkHpa);
    }

    @Override
    public void beforeMap2M(long chunkHpa) {
        // The module refuses if a pair was left behind.
    }

    @Override
    public void afterUnmap2M(long chunkHpa) {
        // There was none.
    }

    @Override
    public long demote2M(long chunkHpa, PamtPageCache cache, DemoteCall call) {
        ReentrantLock lock = lockOf(chunkHpa);
        lock.lock();
        try {
            long status = RawSplits.demote(pairs, chunkHpa, call);
            if (!TdxStatus.isError(status)) {
                users.put(chunkHpa, 512);
            }
            return status;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public long promote2M(long chunkHpa, PromoteCall call) {
        ReentrantLock lock = lockOf(chunkHpa);
        lock.lock();
        try {
            long status = RawSplits.promote(pairs, chunkHpa, call);
            if (!TdxStatus.isError(status)) {
                users.remove(chunkHpa);
            }
            return status;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        pairs.regions().forEach(pairs::remove);
    }
}
