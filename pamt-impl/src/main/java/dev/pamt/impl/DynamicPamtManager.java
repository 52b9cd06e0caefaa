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
import dev.pamt.api.TdxHost;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.api.VmPageCache;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.impl.StatsSnapshot.PageCounts;
import dev.pamt.impl.StatsSnapshot.PairCounts;
import java.util.Objects;
import java.util.function.IntSupplier;

/**
 * The manager on a module with Dynamic PAMT: the fast paths, and the doors to everything else.
 *
 * <p>{@link RegionWord} says how the word of a region works and who may change what, {@link Transition} in which order a pair
 * is installed and taken back.
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
    private final ModuleClaim claim;
    private final RegionTable table;
    private final HostPages pages;
    private final Counters counters = new Counters();
    private final ManagerLifecycle lifecycle = new ManagerLifecycle();
    private final RetryQueue retries = new RetryQueue();
    private final ModuleCalls module = new ModuleCalls(counters);
    /** Null if transitions are not timed. */
    private final TransitionTimes times;

    private final PairPool pool;
    private final PairSupply supply;
    private final PairInstaller installer;
    private final LargePageTransitions largePages;
    private final Reclaimer reclaimer;
    private final ManagerClose closing;

    /**
     * Makes a manager.
     *
     * @param claim the claim on the module, released by the close
     * @param choice see {@link Processors}
     * @param timed whether transitions are timed
     */
    DynamicPamtManager(
            TdxHost host,
            boolean ownsHost,
            ModuleClaim claim,
            PageAllocator allocator,
            LockStrategy strategy,
            ReclaimPolicy policy,
            IntSupplier choice,
            boolean timed) {
        this.host = host;
        this.ownsHost = ownsHost;
        this.claim = claim;
        this.table = new RegionTable(host.memory().ram());
        this.pages = new HostPages(host, allocator, table);
        this.times = timed ? new TransitionTimes() : null;
        TransitionLocks locks = new TransitionLocks(strategy.newLocks(host.memory(), table), counters, times);
        Processors processors = new Processors(host.platform(), choice);
        DonorChunks chunks = new DonorChunks(host.memory().ram());
        PairRecords records = new PairRecords(host.memory().ram(), chunks);
        DonorRegions donors = new DonorRegions(table, locks, module, pages);
        this.pool = new PairPool(chunks, records, pages, donors);
        PairCustody custody = new PairCustody(records, pool, pages, counters, retries);
        PairRemover remover = new PairRemover(table, locks, module, processors, counters, lifecycle, retries, custody);
        this.supply = new PairSupply(pool, chunks, pages, donors.adopter(remover));
        this.installer = new PairInstaller(table, locks, module, processors, counters, lifecycle, custody, remover);
        this.largePages = new LargePageTransitions(
                table, locks, module, processors, counters, lifecycle, retries, custody, remover);
        this.reclaimer = new Reclaimer(table, remover, retries, policy);
        this.closing = new ManagerClose(table, remover, lifecycle, pool, records, counters, retries);
    }

    @Override
    public void get(long hpa) {
        Arguments.requirePage(hpa);
        addUsers(hpa, 1, supply);
    }

    @Override
    public void get(long hpa, PamtPageCache cache) {
        Arguments.requirePage(hpa);
        addUsers(hpa, 1, ours(cache));
    }

    @Override
    public void get(long hpa, int pages) {
        Arguments.requireRange(hpa, pages);
        addUsers(hpa, pages, supply);
    }

    @Override
    public void get(long hpa, int pages, PamtPageCache cache) {
        Arguments.requireRange(hpa, pages);
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
            if (RegionWord.users(before) > RegionWord.MANY_ATTEMPTS) {
                Region.wipeAttempts(words, slot);
            }
            if (!installer.install(hpa, words, slot, pages, source)) {
                refuseTooMany(hpa, pages, source, words, slot);
            }
        } else if (RegionWord.isEdge(before) && !table.isRam(hpa, pages)) {
            withdrawUsers(hpa, pages, words, slot);
            throw new AddressOutsideMemoryException(hpa);
        } else if (RegionWord.users(before) + pages > RegionWord.MAX_USERS) {
            refuseTooMany(hpa, pages, source, words, slot);
        }
    }

    /**
     * Refuses users that a region has no room for, unless it has: what was in the way can have been another get that is
     * being refused.
     */
    private void refuseTooMany(long hpa, int pages, PairSource source, int[] words, int slot) {
        withdrawUsers(hpa, pages, words, slot);
        int word = RegionTable.lv(words, slot);
        if (RegionWord.isBacked(word) && RegionWord.users(word) + pages > RegionWord.MAX_USERS) {
            throw new TooManyUsersException(hpa, pages);
        }
        addUsers(hpa, pages, source);
    }

    /** Takes users away that a refused get has added. If a put without a get has been faster, there is nothing to take. */
    private void withdrawUsers(long hpa, int pages, int[] words, int slot) {
        int before = Region.dropUsersIfAny(words, slot, pages);
        if (before >= 0 && RegionWord.users(before) == pages) {
            reclaimer.emptied(hpa, words, slot);
        }
    }

    @Override
    public void put(long hpa) {
        Arguments.requirePage(hpa);
        dropUsers(hpa, 1);
    }

    @Override
    public void put(long hpa, int pages) {
        Arguments.requireRange(hpa, pages);
        dropUsers(hpa, pages);
    }

    private void dropUsers(long hpa, int pages) {
        int[] words = table.wordsIfAny(hpa);
        if (takeUsers(hpa, pages, words)) {
            reclaimer.emptied(hpa, words, RegionTable.slot(hpa));
        }
    }

    /**
     * Takes users away, or throws and has changed nothing; what comes after it must not throw.
     *
     * @param words those of the region's gigabyte, or null if it has not been touched
     * @return whether they were the last
     */
    private boolean takeUsers(long hpa, int pages, int[] words) {
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
                return RegionWord.users(seen) == pages;
            }
            seen = RegionTable.spinThenLv(pause, words, slot);
        }
    }

    /** Slow check of a word that fails covers(): an edge region, or briefly too many users. */
    private void requireUsers(long hpa, int pages, int seen) {
        if (!RegionWord.isBacked(seen) || RegionWord.users(seen) < pages) {
            throw refusedPut(hpa, pages, table.words(hpa));
        }
        if (RegionWord.isEdge(seen) && !table.isRam(hpa, pages)) {
            throw new AddressOutsideMemoryException(hpa);
        }
    }

    private PamtException refusedPut(long hpa, int pages, int[] words) {
        if (lifecycle.isClosed()) {
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

    @Override
    public long allocPage() {
        lifecycle.requireOpen();
        long hpa = pages.take();
        boolean backed = false;
        try {
            addUsers(hpa, 1, supply);
            backed = true;
        } finally {
            if (!backed) {
                pages.giveBackUnused(hpa, Holder.CALLER);
            }
        }
        return hpa;
    }

    @Override
    public void freePage(long hpa) {
        Arguments.requirePage(hpa);
        lifecycle.requireOpen();
        pages.strikeOut(hpa);
        int[] words = table.wordsIfAny(hpa);
        boolean last = false;
        boolean dropped = false;
        try {
            last = takeUsers(hpa, 1, words);
            dropped = true;
        } finally {
            if (!dropped) {
                pages.enterAgain(hpa);
            }
        }
        // Commit point: the user is gone, and nothing below throws.
        if (last) {
            reclaimer.emptied(hpa, words, RegionTable.slot(hpa));
        }
        pages.scrubAndGiveBack(hpa);
    }

    @Override
    public void map2M(long hpa) {
        Arguments.requireRegion(hpa);
        largePages.map2M(hpa);
    }

    @Override
    public void unmap2M(long hpa) {
        Arguments.requireRegion(hpa);
        largePages.unmap2M(hpa);
    }

    @Override
    public long demote2M(long hpa, PamtPageCache cache, DemoteCall call) {
        Arguments.requireRegion(hpa);
        return largePages.demote2M(hpa, ours(cache), Objects.requireNonNull(call, "call"));
    }

    @Override
    public long promote2M(long hpa, PromoteCall call) {
        Arguments.requireRegion(hpa);
        return largePages.promote2M(hpa, Objects.requireNonNull(call, "call"));
    }

    @Override
    public int reclaimIdle() {
        module.refuseReentry("reclaimIdle");
        lifecycle.requireOpen();
        return reclaimer.reclaimIdle();
    }

    @Override
    public int trim() {
        module.refuseReentry("trim");
        lifecycle.requireOpen();
        int reclaimed = reclaimer.trim();
        pool.trim();
        return reclaimed;
    }

    @Override
    public PamtPageCache newVcpuCache() {
        PairCache cache = new PairCache(lifecycle, supply, supply, counters.cachedPairs);
        lifecycle.register(cache);
        return cache;
    }

    @Override
    public VmPageCache newVmCache() {
        VmCache cache = new VmCache(lifecycle, supply, counters.cachedPairs);
        lifecycle.register(cache);
        return cache;
    }

    @Override
    public RegionState state(long hpa) {
        return table.describe(hpa);
    }

    @Override
    public PamtStats stats() {
        return new StatsSnapshot(
                counters.calls(retries.size()),
                counters.locks(times),
                new PairCounts(
                        counters.installedPairs(),
                        counters.peakPairs(),
                        pool.sparePairs(),
                        counters.cachedPairs.sum(),
                        pool.setAsidePairs(),
                        counters.lostPairs()),
                new PageCounts(pool.donorChunks(), pages.pages(Holder.CALLER), pages.stranded()));
    }

    @Override
    public TdxHost host() {
        return host;
    }

    @Override
    public void close() {
        module.refuseReentry("close");
        if (closing.close()) {
            try {
                closing.giveAllBack();
            } finally {
                claim.release();
                if (ownsHost) {
                    host.close();
                }
            }
        }
    }

    private PairCache ours(PamtPageCache cache) {
        Objects.requireNonNull(cache, "cache");
        if (cache instanceof PairCache ours && ours.belongsTo(lifecycle)) {
            return ours;
        }
        throw new IllegalArgumentException("the cache belongs to another manager");
    }
}
