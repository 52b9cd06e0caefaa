package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.api.TdxHost;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The manager on a module without Dynamic PAMT: every page has its metadata from the start, so get and put have nothing to
 * do but to check their arguments. Pages of allocPage are accounted for all the same.
 */
final class StaticPamtManager implements PamtManager {
    private static final RegionState BACKED_FOR_GOOD = new RegionState(RegionState.Kind.IDLE, 0);

    private final TdxHost host;
    private final boolean ownsHost;
    private final RegionTable addresses;
    private final HostPages pages;
    private final ReentrantLock closing = new ReentrantLock();
    private volatile boolean closed;

    StaticPamtManager(TdxHost host, boolean ownsHost, PageAllocator allocator) {
        this.host = host;
        this.ownsHost = ownsHost;
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
        requireOpen();
        long hpa = pages.take();
        boolean open = false;
        try {
            requireOpen();
            open = true;
        } finally {
            if (!open) {
                pages.giveBackUnused(hpa);
            }
        }
        return hpa;
    }

    @Override
    public void freePage(long hpa) {
        Checks.requirePage(hpa);
        requireOpen();
        pages.strikeOut(hpa);
        pages.giveBack(hpa);
    }

    @Override
    public void map2M(long hpa) {
        Checks.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
    }

    @Override
    public void unmap2M(long hpa) {
        Checks.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
    }

    /** The module ignores R12 and R13 without Dynamic PAMT. */
    @Override
    public long demote2M(long hpa, PamtPageCache cache, DemoteCall call) {
        Checks.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
        return call.demote(PageAllocator.NONE, PageAllocator.NONE);
    }

    @Override
    public long promote2M(long hpa, PromoteCall call) {
        Checks.requireRegion(hpa);
        check(hpa, RegionWord.MAX_USERS);
        return call.promote(new SeamcallRegisters());
    }

    @Override
    public int trim() {
        requireOpen();
        return 0;
    }

    @Override
    public PamtPageCache newVcpuCache() {
        requireOpen();
        return new NeverNeeded();
    }

    @Override
    public VmPageCache newVmCache() {
        requireOpen();
        return new NeverNeeded();
    }

    @Override
    public RegionState state(long hpa) {
        RegionState state = addresses.describe(hpa);
        return state.kind() == RegionState.Kind.OUTSIDE ? state : BACKED_FOR_GOOD;
    }

    @Override
    public PamtStats stats() {
        return new PamtStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, pages.out(), 0, 0);
    }

    @Override
    public TdxHost host() {
        return host;
    }

    /**
     * Closes first and looks for pages that are out afterwards; {@link #allocPage} takes a page first and looks whether
     * the manager is closed afterwards. So one of the two sees the other.
     */
    @Override
    public void close() {
        closing.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            List<Leftover> leftovers = pages.regions().stream()
                    .map(hpa -> new Leftover(hpa, BACKED_FOR_GOOD))
                    .toList();
            if (!leftovers.isEmpty()) {
                closed = false;
                throw new RegionsInUseException(leftovers);
            }
        } finally {
            closing.unlock();
        }
        if (ownsHost) {
            host.close();
        }
    }

    private void check(long hpa, int pages) {
        Checks.requireRange(hpa, pages);
        requireOpen();
        if (!addresses.isRam(hpa, pages)) {
            throw new AddressOutsideMemoryException(hpa);
        }
    }

    private void requireOpen() {
        if (closed && !staysOpen()) {
            throw new ManagerClosedException("the manager");
        }
    }

    /** Waits for a close that is under way; it leaves the manager open if pages are out. */
    private boolean staysOpen() {
        closing.lock();
        try {
            return !closed;
        } finally {
            closing.unlock();
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
