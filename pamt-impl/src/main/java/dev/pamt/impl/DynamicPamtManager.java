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
import java.util.function.LongConsumer;

/**
 * The manager on a module with Dynamic PAMT: the fast paths, and the doors to everything else.
 *
 * <p>{@link RegionWord} says how the word of a region works and who may change what, {@link Transition} in which order a pair
 * is installed and taken back.
 */
final class DynamicPamtManager implements PamtManager {
    private final TdxHost host;
    private final boolean ownsHost;
    private final ModuleClaim claim;
    private final RegionTable table;
    /** Of the table. A fast path begins with it: what is read between two locked instructions is waited for. */
    private final int[][] quick;

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
    /** Prepares a page of allocPage. */
    private final LongConsumer addsUser;

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
        this.quick = table.quick();
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
        this.installer = new PairInstaller(locks, module, processors, counters, lifecycle, custody, remover);
        this.largePages = new LargePageTransitions(
                table, locks, module, processors, counters, lifecycle, retries, custody, remover);
        this.reclaimer = new Reclaimer(table, remover, retries, policy);
        this.addsUser = hpa -> addUser(hpa, supply);
        this.closing = new ManagerClose(table, remover, lifecycle, pool, records, counters, retries);
    }

    @Override
    public void get(long hpa) {
        addUser(hpa, supply);
    }

    @Override
    public void get(long hpa, PamtPageCache cache) {
        addUser(hpa, ours(cache));
    }

    @Override
    public void get(long hpa, int pages) {
        addUsers(hpa, pages, supply);
    }

    @Override
    public void get(long hpa, int pages, PamtPageCache cache) {
        addUsers(hpa, pages, ours(cache));
    }

    private void addUser(long hpa, PairSource source) {
        int[] words = RegionTable.wordsOfPage(quick, hpa);
        if (words == null) {
            Arguments.requirePage(hpa);
            words = table.wordsOfRange(hpa, 1);
        }
        int slot = RegionTable.slot(hpa);
        int before = RegionTable.faa(words, slot, RegionWord.USER);
        if (!RegionWord.admits(before)) {
            addUserSlowly(hpa, source, words, slot, before);
        }
    }

    /** What is left to do for a user that has been added to a word that does not admit it. */
    private void addUserSlowly(long hpa, PairSource source, int[] words, int slot, int before) {
        int seen = RegionWord.hasStrays(before) ? Region.addUser(words, slot) : before;
        if (!RegionWord.isBacked(seen)) {
            installer.install(hpa, words, slot, 1, source);
        } else if (!RegionWord.admits(seen)) {
            refuseTooMany(hpa, source, words, slot);
        }
    }

    /**
     * Refuses a user that a region has no room for, unless it has: what was in the way can have been another get that is
     * being refused.
     */
    private void refuseTooMany(long hpa, PairSource source, int[] words, int slot) {
        // If a put without a get has been faster, there is nothing to take.
        if (RegionWord.users(Region.dropUsersIfAny(words, slot, 1)) == 1) {
            reclaimer.emptied(hpa, words, slot);
        }
        if (RegionWord.users(RegionTable.lv(words, slot)) >= RegionWord.MAX_USERS) {
            throw new TooManyUsersException(hpa, 1);
        }
        addUser(hpa, source);
    }

    private void addUsers(long hpa, int pages, PairSource source) {
        Arguments.requireRange(hpa, pages);
        int[] words = RegionTable.wordsOfPage(quick, hpa);
        if (words == null) {
            words = table.wordsOfRange(hpa, pages);
        }
        int slot = RegionTable.slot(hpa);
        int seen = Region.addUsersIfRoom(words, slot, pages);
        if (!RegionWord.isBacked(seen)) {
            installer.install(hpa, words, slot, pages, source);
        } else if (!RegionWord.admits(seen, pages)) {
            throw new TooManyUsersException(hpa, pages);
        }
    }

    @Override
    public void put(long hpa) {
        int[] words = RegionTable.wordsOfPage(quick, hpa);
        if (words == null) {
            words = wordsWithUsers(hpa, 1);
        }
        if (takeUser(hpa, words)) {
            reclaimer.emptied(hpa, words, RegionTable.slot(hpa));
        }
    }

    @Override
    public void put(long hpa, int pages) {
        Arguments.requireRange(hpa, pages);
        int[] words = RegionTable.wordsOfPage(quick, hpa);
        if (words == null) {
            words = wordsWithUsers(hpa, pages);
        }
        int slot = RegionTable.slot(hpa);
        int before = Region.dropUsersIfAny(words, slot, pages);
        if (!RegionWord.covers(before, pages)) {
            throw refusedPut(hpa, pages, words);
        }
        if (RegionWord.users(before) == pages) {
            reclaimer.emptied(hpa, words, slot);
        }
    }

    /** Returns the words that users of a range can be counted in, or throws what a put without a get throws. */
    private int[] wordsWithUsers(long hpa, int pages) {
        Arguments.requireRange(hpa, pages);
        int[] words = table.wordsIfAny(hpa);
        if (words == null || !table.isRam(hpa, pages)) {
            throw refusedPut(hpa, pages, table.words(hpa));
        }
        return words;
    }

    /**
     * Takes a user away, or throws and has changed nothing; what comes after it must not throw.
     *
     * @return whether it was the last
     */
    private boolean takeUser(long hpa, int[] words) {
        int before = Region.dropUser(words, RegionTable.slot(hpa));
        if (RegionWord.covers(before, 1)) {
            return RegionWord.users(before) == 1;
        }
        throw refusedPut(hpa, 1, words);
    }

    private PamtException refusedPut(long hpa, int pages, int[] words) {
        if (lifecycle.isClosed()) {
            return new ManagerClosedException("the manager");
        }
        int word = RegionTable.lv(words, RegionTable.slot(hpa));
        if (RegionWord.state(word) == RegionWord.DONOR) {
            return new DonorRegionException(hpa);
        }
        if (RegionWord.state(word) == RegionWord.OUTSIDE || !table.isRam(hpa, pages)) {
            return new AddressOutsideMemoryException(hpa);
        }
        return new NoUsersException(hpa, pages, RegionWord.describe(word));
    }

    @Override
    public long allocPage() {
        lifecycle.requireOpen();
        return pages.takeForCaller(addsUser);
    }

    @Override
    public void freePage(long hpa) {
        Arguments.requirePage(hpa);
        lifecycle.requireOpen();
        pages.strikeOut(hpa);
        boolean last = false;
        boolean dropped = false;
        int[] words = RegionTable.wordsOfPage(quick, hpa);
        try {
            if (words == null) {
                words = wordsWithUsers(hpa, 1);
            }
            last = takeUser(hpa, words);
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
