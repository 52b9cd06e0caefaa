package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.api.TdxHost;
import dev.pamt.api.VmPageCache;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.List;
import java.util.Objects;

/**
 * The manager on a module without Dynamic PAMT: every page has its metadata from the start, so get and put have nothing to
 * do but to check their arguments. Pages of allocPage are accounted for all the same.
 */
final class StaticPamtManager implements PamtManager {
    private static final RegionState STATIC = new RegionState(RegionState.Kind.STATIC, 0);

    private final TdxHost host;
    private final boolean ownsHost;
    private final ModuleClaim claim;
    private final RegionTable addresses;
    private final HostPages pages;
    private final ManagerLifecycle lifecycle = new ManagerLifecycle();

    StaticPamtManager(TdxHost host, boolean ownsHost, ModuleClaim claim, PageAllocator allocator) {
        this.host = host;
        this.ownsHost = ownsHost;
        this.claim = claim;
        this.addresses = new RegionTable(host.memory().ram());
        this.pages = new HostPages(host, allocator, addresses);
    }

    @Override
    public void get(long hpa) {
        check(hpa, 1);
    }

    @Override
    public void get(long hpa, PamtPageCache cache) {
        check(hpa, 1);
    }

    @Override
    public void get(long hpa, int pages) {
        check(hpa, pages);
    }

    @Override
    public void get(long hpa, int pages, PamtPageCache cache) {
        check(hpa, pages);
    }

    @Override
    public void put(long hpa) {
        check(hpa, 1);
    }

    @Override
    public void put(long hpa, int pages) {
        check(hpa, pages);
    }

    @Override
    public long allocPage() {
        lifecycle.requireOpen();
        return pages.takeForCaller(hpa -> lifecycle.requireOpen());
    }

    @Override
    public void freePage(long hpa) {
        Arguments.requirePage(hpa);
        lifecycle.requireOpen();
        pages.strikeOut(hpa);
        pages.scrubAndGiveBack(hpa);
    }

    @Override
    public void map2M(long hpa) {
        Arguments.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
    }

    @Override
    public void unmap2M(long hpa) {
        Arguments.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
    }

    /** There is no pair: the module ignores R12 and R13 without Dynamic PAMT. */
    @Override
    public long demote2M(long hpa, PamtPageCache cache, DemoteCall call) {
        Arguments.requireRegion(hpa);
        Objects.requireNonNull(cache, "cache");
        Objects.requireNonNull(call, "call");
        check(hpa, RegionWord.MAX_USERS);
        return call.demote(new SeamcallRegisters());
    }

    @Override
    public long promote2M(long hpa, PromoteCall call) {
        Arguments.requireRegion(hpa);
        Objects.requireNonNull(call, "call");
        check(hpa, RegionWord.MAX_USERS);
        return call.promote(new SeamcallRegisters());
    }

    @Override
    public int reclaimIdle() {
        lifecycle.requireOpen();
        return 0;
    }

    @Override
    public int trim() {
        lifecycle.requireOpen();
        return 0;
    }

    @Override
    public PamtPageCache newVcpuCache() {
        lifecycle.requireOpen();
        return new NeverNeeded();
    }

    @Override
    public VmPageCache newVmCache() {
        lifecycle.requireOpen();
        return new NeverNeeded();
    }

    @Override
    public RegionState state(long hpa) {
        RegionState state = addresses.describe(hpa);
        return state.kind() == RegionState.Kind.OUTSIDE ? state : STATIC;
    }

    @Override
    public PamtStats stats() {
        return new StatsSnapshot(
                StatsSnapshot.CallCounts.NONE,
                StatsSnapshot.LockCounts.NONE,
                StatsSnapshot.PairCounts.NONE,
                new StatsSnapshot.PageCounts(0, pages.pages(Holder.CALLER), pages.stranded()));
    }

    @Override
    public TdxHost host() {
        return host;
    }

    /**
     * A page is taken first and the life looked at afterwards by {@link #allocPage}; the close does it the other way round. So
     * one of the two sees the other. A page of an allocPage that waits for the decision keeps the manager open.
     */
    @Override
    public void close() {
        if (!lifecycle.beginClose()) {
            return;
        }
        List<Leftover> leftovers = null;
        try {
            leftovers = pages.regions().stream()
                    .map(hpa -> new Leftover(hpa, STATIC))
                    .toList();
        } finally {
            lifecycle.decide(leftovers != null && leftovers.isEmpty());
        }
        if (!leftovers.isEmpty()) {
            throw new RegionsInUseException(leftovers);
        }
        pages.close();
        // One that is being freed is struck out before it is scrubbed.
        ManagerLifecycle.awaitNone(() -> pages.pages(Holder.CALLER));
        claim.release();
        if (ownsHost) {
            host.close();
        }
    }

    private void check(long hpa, int pages) {
        Arguments.requireRange(hpa, pages);
        lifecycle.requireOpen();
        if (!addresses.isRam(hpa, pages)) {
            throw new AddressOutsideMemoryException(hpa);
        }
    }

    /** A cache of pairs that no one will ask for. */
    private static final class NeverNeeded implements PamtPageCache, VmPageCache {
        @Override
        public void topUp(int pairs) {}

        @Override
        public int pairs() {
            return 0;
        }

        @Override
        public PamtPageCache reserve(int pairs) {
            return this;
        }

        @Override
        public int unreserved() {
            return 0;
        }

        @Override
        public void close() {}
    }
}
