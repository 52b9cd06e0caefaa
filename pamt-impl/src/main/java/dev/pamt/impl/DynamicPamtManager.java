package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.api.TdxHost;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.api.VmPageCache;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The manager on a module with Dynamic PAMT: the fast paths, and the doors to everything else.
 *
 * <p>{@link RegionWord} says how the word of a region works and who may change what, {@link RegionTransitions} in which
 * order a pair is installed and taken back.
 */
final class DynamicPamtManager implements PamtManager {
    /**
     * Turns of a spin loop for which a put leaves the word to the others when one of them has been faster: they get on
     * while they have its cache line, where trying again at once would only take the line away.
     */
    private static final int SHORTEST_PAUSE = 16;

    private static final int LONGEST_PAUSE = 64;

    private final TdxHost host;
    private final boolean ownsHost;
    private final RegionTable table;
    private final HostPages pages;
    private final Counters counters = new Counters();
    private final ModuleCalls module;
    private final RegionTransitions transitions;
    private final PairSupply supply;
    private final Reclaimer reclaimer;
    private final Set<ManagedCache> caches = ConcurrentHashMap.newKeySet();
    private final ReentrantLock closing = new ReentrantLock();

    /**
     * Makes a manager.
     *
     * @param lockDonors whether the regions of donated pages are locked; false only to show why they must be
     */
    DynamicPamtManager(
            TdxHost host,
            boolean ownsHost,
            PageAllocator allocator,
            LockStrategy strategy,
            ReclaimPolicy policy,
            boolean lockDonors) {
        this.host = host;
        this.ownsHost = ownsHost;
        this.table = new RegionTable(host.memory().ram());
        this.pages = new HostPages(host, allocator, table);
        this.module = new ModuleCalls(host.platform().processor(0), counters);
        this.transitions = new RegionTransitions(
                table,
                new TransitionLocks(strategy.newLocks(table), counters, lockDonors),
                module,
                host.platform().memory(),
                counters,
                allocator);
        this.supply = transitions.supply();
        this.reclaimer = new Reclaimer(table, transitions, policy);
    }

    @Override
    public void get(long hpa) {
        Checks.requirePage(hpa);
        addUsers(hpa, 1, supply);
    }

    @Override
    public void get(long hpa, PamtPageCache cache) {
        Checks.requirePage(hpa);
        addUsers(hpa, 1, ours(cache));
    }

    @Override
    public void get(long hpa, int pages) {
        Checks.requireRange(hpa, pages);
        addUsers(hpa, pages, supply);
    }

    @Override
    public void get(long hpa, int pages, PamtPageCache cache) {
        Checks.requireRange(hpa, pages);
        addUsers(hpa, pages, ours(cache));
    }

    private void addUsers(long hpa, int pages, PairSource source) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        int before = RegionTable.faa(words, slot, RegionWord.backed(pages));
        if (!RegionWord.admits(before, pages)) {
            addUsersSlowly(hpa, pages, source, words, slot, before);
        }
    }

    private void addUsersSlowly(long hpa, int pages, PairSource source, int[] words, int slot, int before) {
        if (!RegionWord.isBacked(before)) {
            back(hpa, pages, source, words, slot);
        } else if (RegionWord.isEdge(before) && !table.isRam(hpa, pages)) {
            takeAwayAgain(hpa, pages, words, slot);
            throw new AddressOutsideMemoryException(hpa);
        } else if (RegionWord.users(before) + pages > RegionWord.MAX_USERS) {
            refuseTooMany(hpa, pages, source, words, slot);
        }
    }

    private void back(long hpa, int pages, PairSource source, int[] words, int slot) {
        while (true) {
            switch (transitions.back(hpa, pages, source, words, slot)) {
                case BACKED -> {
                    return;
                }
                case TOO_MANY -> {
                    refuseTooMany(hpa, pages, source, words, slot);
                    return;
                }
                case CLOSING -> {
                    if (!staysOpen()) {
                        throw new ManagerClosedException("the manager");
                    }
                }
            }
        }
    }

    /**
     * Refuses users that a region has no room for, unless it has: what was in the way can have been another get that is
     * being refused.
     */
    private void refuseTooMany(long hpa, int pages, PairSource source, int[] words, int slot) {
        takeAwayAgain(hpa, pages, words, slot);
        int word = RegionTable.lv(words, slot);
        if (RegionWord.isBacked(word) && RegionWord.users(word) + pages > RegionWord.MAX_USERS) {
            throw new TooManyUsersException(hpa, pages);
        }
        addUsers(hpa, pages, source);
    }

    /** Waits for a close that is under way; it leaves the manager open if regions are in use. */
    private boolean staysOpen() {
        closing.lock();
        try {
            return transitions.lifecycle() == Lifecycle.OPEN;
        } finally {
            closing.unlock();
        }
    }

    @Override
    public void put(long hpa) {
        Checks.requirePage(hpa);
        dropUsers(hpa, 1);
    }

    @Override
    public void put(long hpa, int pages) {
        Checks.requireRange(hpa, pages);
        dropUsers(hpa, pages);
    }

    private void dropUsers(long hpa, int pages) {
        int[] words = table.wordsIfAny(hpa);
        if (words == null) {
            throw refusedPut(hpa, pages, table.words(hpa));
        }
        int slot = RegionTable.slot(hpa);
        int seen = RegionTable.lv(words, slot);
        for (int pause = SHORTEST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
            if (!RegionWord.covers(seen, pages)) {
                requireUsers(hpa, pages, seen);
            }
            if (RegionTable.cae(words, slot, seen, seen - RegionWord.backed(pages)) == seen) {
                break;
            }
            seen = RegionTable.lvAfter(pause, words, slot);
        }
        if (RegionWord.users(seen) == pages) {
            reclaimer.emptied(hpa, words, slot);
        }
    }

    /** The long look at a word that does not cover a put at first sight: it may be an edge, or have too many for a moment. */
    private void requireUsers(long hpa, int pages, int seen) {
        if (!RegionWord.isBacked(seen) || RegionWord.users(seen) < pages) {
            throw refusedPut(hpa, pages, table.words(hpa));
        }
        if (RegionWord.isEdge(seen) && !table.isRam(hpa, pages)) {
            throw new AddressOutsideMemoryException(hpa);
        }
    }

    private PamtException refusedPut(long hpa, int pages, int[] words) {
        if (transitions.lifecycle() == Lifecycle.CLOSED) {
            return new ManagerClosedException("the manager");
        }
        int word = RegionTable.lv(words, RegionTable.slot(hpa));
        if (RegionWord.state(word) == RegionWord.DONOR) {
            return new DonorRegionException(hpa);
        }
        if (RegionWord.state(word) == RegionWord.OUTSIDE || (RegionWord.isEdge(word) && !table.isRam(hpa, pages))) {
            return new AddressOutsideMemoryException(hpa);
        }
        return new NoUsersException(hpa, pages, RegionWord.describe(word));
    }

    /** Takes users away that a refused get has added. If a put without a get has been faster, there is nothing to take. */
    private void takeAwayAgain(long hpa, int pages, int[] words, int slot) {
        int seen = RegionTable.lv(words, slot);
        while (RegionWord.isBacked(seen) && RegionWord.users(seen) >= pages) {
            int witness = RegionTable.cae(words, slot, seen, seen - RegionWord.backed(pages));
            if (witness == seen) {
                if (RegionWord.users(seen) == pages) {
                    reclaimer.emptied(hpa, words, slot);
                }
                return;
            }
            seen = witness;
        }
    }

    @Override
    public long allocPage() {
        requireOpen();
        long hpa = pages.take();
        boolean backed = false;
        try {
            addUsers(hpa, 1, supply);
            backed = true;
        } finally {
            if (!backed) {
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
        boolean dropped = false;
        try {
            dropUsers(hpa, 1);
            dropped = true;
        } finally {
            if (!dropped) {
                pages.enterAgain(hpa);
            }
        }
        pages.giveBack(hpa);
    }

    @Override
    public void map2M(long hpa) {
        Checks.requireRegion(hpa);
        transitions.map2M(hpa);
    }

    @Override
    public void unmap2M(long hpa) {
        Checks.requireRegion(hpa);
        requireOpen();
        transitions.unmap2M(hpa);
    }

    @Override
    public long demote2M(long hpa, PamtPageCache cache, DemoteCall call) {
        Checks.requireRegion(hpa);
        return transitions.demote2M(hpa, ours(cache), call);
    }

    @Override
    public long promote2M(long hpa, PromoteCall call) {
        Checks.requireRegion(hpa);
        return transitions.promote2M(hpa, call);
    }

    @Override
    public int trim() {
        requireOpen();
        int reclaimed = reclaimer.trim();
        supply.trim();
        return reclaimed;
    }

    @Override
    public PamtPageCache newVcpuCache() {
        requireOpen();
        PairCache cache = new PairCache(this, supply, supply, counters, caches::remove);
        caches.add(cache);
        return cache;
    }

    @Override
    public VmPageCache newVmCache() {
        requireOpen();
        VmCache cache = new VmCache(this, supply, counters, caches::remove);
        caches.add(cache);
        return cache;
    }

    @Override
    public RegionState state(long hpa) {
        return table.describe(hpa);
    }

    @Override
    public PamtStats stats() {
        return new PamtStats(
                counters.adds(),
                counters.addFailures.sum(),
                counters.removes(),
                counters.removeFailures.sum(),
                counters.demotes.sum(),
                counters.promotes.sum(),
                counters.lostRaces.sum(),
                counters.busy.sum(),
                counters.busyAgain.sum(),
                module.calls() + counters.locksWithoutCall.sum(),
                counters.contendedTrue.sum(),
                counters.contendedFalse.sum(),
                counters.waitNanos.sum(),
                counters.installedPairs(),
                counters.peakPairs(),
                transitions.toRetry().size(),
                counters.lostPairs(),
                supply.sparePairs(),
                counters.cachedPairs.sum(),
                supply.donorChunks(),
                pages.out(),
                0,
                0);
    }

    @Override
    public TdxHost host() {
        return host;
    }

    @Override
    public void close() {
        closing.lock();
        try {
            if (transitions.lifecycle() == Lifecycle.CLOSED) {
                return;
            }
            transitions.setLifecycle(Lifecycle.CLOSING);
            reclaimer.trim();
            List<Leftover> leftovers = leftovers();
            if (!leftovers.isEmpty()) {
                transitions.setLifecycle(Lifecycle.OPEN);
                throw new RegionsInUseException(leftovers);
            }
            transitions.setLifecycle(Lifecycle.CLOSED);
            List.copyOf(caches).forEach(ManagedCache::close);
            supply.trim();
        } finally {
            closing.unlock();
        }
        if (ownsHost) {
            host.close();
        }
    }

    /**
     * The regions that are in use. Each is looked at under its lock: a get that was there first has published its users,
     * one that comes later sees that the manager is closing.
     */
    private List<Leftover> leftovers() {
        List<Leftover> leftovers = new ArrayList<>();
        table.forEach((hpa, words, slot) -> {
            int word = transitions.settledWord(hpa, words, slot);
            if (RegionWord.isBacked(word) || RegionWord.state(word) == RegionWord.HUGE) {
                leftovers.add(new Leftover(hpa, RegionWord.describe(word)));
            }
        });
        return leftovers;
    }

    private void requireOpen() {
        if (transitions.lifecycle() == Lifecycle.CLOSED) {
            throw new ManagerClosedException("the manager");
        }
    }

    private PairCache ours(PamtPageCache cache) {
        if (cache instanceof PairCache ours && ours.belongsTo(this)) {
            return ours;
        }
        throw new IllegalArgumentException("the cache belongs to another manager");
    }
}
