package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The transitions of regions: all that changes the tag of a word, each under the lock of its region.
 *
 * <p>The order within a transition is what makes the contract hold, that whoever has got a region finds its pair
 * installed:
 *
 * <ul>
 *   <li>Into backed: look again under the lock, ADD, and only then store the users. A getter that saw the old word has
 *       failed and comes for the lock; one that sees the new word comes after the ADD.
 *   <li>Out of backed: compare-and-set from exactly 0 users, and only then REMOVE. A getter that came first makes the
 *       compare-and-set fail; one that comes later fails itself and waits for the lock. A putter that is late (its zero
 *       has been taken back and perhaps reached again by others) finds whatever is true now, and either does the reclaim
 *       that is due or nothing.
 *   <li>A REMOVE that fails stores 0 users: idle, still backed, to be tried again.
 * </ul>
 *
 * <p>No host memory is asked for, and no page given back, while a region's lock is held: pairs are taken before and given
 * back after.
 */
final class RegionTransitions implements PairSupply.DonorRegions {
    private static final Logger LOG = LoggerFactory.getLogger(RegionTransitions.class);

    private final RegionTable table;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final PhysicalMemory memory;
    private final Counters counters;
    private final PairSupply supply;

    /** Regions whose REMOVE failed. */
    private final Set<Long> toRetry = ConcurrentHashMap.newKeySet();

    private volatile Lifecycle lifecycle = Lifecycle.OPEN;

    RegionTransitions(
            RegionTable table,
            TransitionLocks locks,
            ModuleCalls module,
            PhysicalMemory memory,
            Counters counters,
            PageAllocator allocator) {
        this.table = table;
        this.locks = locks;
        this.module = module;
        this.memory = memory;
        this.counters = counters;
        this.supply = new PairSupply(allocator, this);
    }

    PairSupply supply() {
        return supply;
    }

    Set<Long> toRetry() {
        return toRetry;
    }

    Lifecycle lifecycle() {
        return lifecycle;
    }

    void setLifecycle(Lifecycle next) {
        lifecycle = next;
    }

    /** How an attempt to back a region under its lock has ended, when not with an exception. */
    private enum Attempt {
        /** The users are counted; the region was backed by another thread. */
        FOUND_BACKED,
        /** The users are counted; the pair is the module's. */
        ADDED,
        /** The users are counted but too many; take them away again. */
        TOO_MANY,
        /** The region is empty, and there was no reason to have a pair ready. */
        PAIR_NEEDED,
        /** The manager is being closed. */
        CLOSING
    }

    /** How a get of a region has ended that was not backed at first, when not with an exception. */
    enum Outcome {
        /** The users are counted and the region is backed. */
        BACKED,
        /** The users are counted but too many; the caller takes them away again. */
        TOO_MANY,
        /** The manager is being closed, or closed; nothing has changed. */
        CLOSING
    }

    /**
     * Takes users for a region that was not backed when they were added to its word.
     *
     * @throws PamtException if the region cannot be backed; its word is as before
     */
    Outcome back(long hpa, int pages, PairSource source, int[] words, int slot) {
        while (true) {
            PagePair pair = null;
            PamtException shortage = null;
            if (lifecycle == Lifecycle.OPEN && RegionWord.state(RegionTable.lv(words, slot)) == RegionWord.EMPTY) {
                try {
                    pair = source.take(hpa);
                } catch (OutOfPagesException | CacheExhaustedException | ManagerClosedException none) {
                    shortage = none;
                }
            }
            switch (backWith(pair, shortage, hpa, pages, source, words, slot)) {
                case FOUND_BACKED, ADDED -> {
                    return Outcome.BACKED;
                }
                case TOO_MANY -> {
                    return Outcome.TOO_MANY;
                }
                case CLOSING -> {
                    if (lifecycle == Lifecycle.CLOSED) {
                        // The pair may have brought a chunk in after close had given all of them back.
                        supply.trim();
                    }
                    return Outcome.CLOSING;
                }
                case PAIR_NEEDED -> {}
            }
        }
    }

    private Attempt backWith(
            PagePair pair, PamtException shortage, long hpa, int pages, PairSource source, int[] words, int slot) {
        PairInHand hand = new PairInHand(pair);
        long region = RegionTable.regionOf(hpa);
        PagePair donors = donors(pair);
        locks.lock(region, donors);
        try {
            Attempt attempt = backLocked(hand, shortage, hpa, pages, words, slot);
            if (attempt == Attempt.FOUND_BACKED && pair != null) {
                counters.lostRaces.increment();
            }
            return attempt;
        } finally {
            locks.unlock(region, donors, hand.called);
            hand.giveBackUnlessUsed(source);
        }
    }

    private Attempt backLocked(PairInHand hand, PamtException shortage, long hpa, int pages, int[] words, int slot) {
        int word = RegionTable.lv(words, slot);
        if (RegionWord.isEdge(word) && !table.isRam(hpa, pages)) {
            wipeAttempts(word, words, slot);
            throw new AddressOutsideMemoryException(hpa);
        }
        if (RegionWord.isBacked(word)) {
            int before = RegionTable.faa(words, slot, RegionWord.backed(pages));
            return RegionWord.users(before) + pages <= RegionWord.MAX_USERS ? Attempt.FOUND_BACKED : Attempt.TOO_MANY;
        }
        if (RegionWord.state(word) != RegionWord.EMPTY) {
            wipeAttempts(word, words, slot);
            throw refusal(word, hpa);
        }
        if (lifecycle != Lifecycle.OPEN) {
            wipeAttempts(word, words, slot);
            return Attempt.CLOSING;
        }
        if (hand.pair == null) {
            if (shortage == null) {
                return Attempt.PAIR_NEEDED;
            }
            wipeAttempts(word, words, slot);
            throw shortage;
        }
        add(hand, hpa, words, slot);
        RegionTable.setState(words, slot, RegionWord.backed(pages));
        return Attempt.ADDED;
    }

    private void add(PairInHand hand, long hpa, int[] words, int slot) {
        long regionHpa = hpa & -PageAllocator.CHUNK_BYTES;
        boolean added = false;
        boolean answered = false;
        hand.called = true;
        try {
            long status = module.add(regionHpa, hand.pair);
            answered = true;
            added = !TdxStatus.isError(status);
            if (!added) {
                counters.addFailures.increment();
                throw new SeamcallFailedException(
                        SeamcallLeaf.PHYMEM_PAMT_ADD, status, "of " + hand.pair + " to region " + hex(regionHpa));
            }
            hand.used = true;
        } finally {
            if (!answered) {
                hand.used = true;
                lost(regionHpa, hand.pair, SeamcallLeaf.PHYMEM_PAMT_ADD);
            }
            if (!added) {
                RegionTable.setState(words, slot, RegionWord.EMPTY);
            }
        }
    }

    /**
     * Takes the pair of a region back if it is backed and has no users.
     *
     * @return whether it was taken back
     */
    boolean reclaim(long hpa) {
        return reclaim(hpa, table.words(hpa), RegionTable.slot(hpa));
    }

    boolean reclaim(long hpa, int[] words, int slot) {
        long regionHpa = hpa & -PageAllocator.CHUNK_BYTES;
        PagePair pair = null;
        boolean called = false;
        locks.lock(RegionTable.regionOf(hpa));
        try {
            called = leaveBacked(words, slot, 0, RegionWord.EMPTY);
            if (called) {
                SeamcallRegisters regs = new SeamcallRegisters();
                if (!TdxStatus.isError(remove(regionHpa, words, slot, regs))) {
                    pair = supply.returned(regs.rdx, regs.r8);
                }
            }
        } finally {
            locks.unlock(RegionTable.regionOf(hpa), called);
        }
        if (pair != null) {
            scrubAndGiveBack(pair, hpa);
        }
        return pair != null;
    }

    void map2M(long hpa) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        PagePair pair = null;
        boolean called = false;
        locks.lock(RegionTable.regionOf(hpa));
        try {
            requireOpen();
            if (RegionWord.isEdge(RegionTable.lv(words, slot))) {
                throw new AddressOutsideMemoryException(hpa);
            }
            called = leaveBacked(words, slot, 0, RegionWord.EMPTY);
            if (called) {
                SeamcallRegisters regs = new SeamcallRegisters();
                long status = remove(hpa, words, slot, regs);
                if (TdxStatus.isError(status)) {
                    throw new SeamcallFailedException(
                            SeamcallLeaf.PHYMEM_PAMT_REMOVE, status, "of idle region " + hex(hpa));
                }
                pair = supply.returned(regs.rdx, regs.r8);
            }
            int word = RegionTable.lv(words, slot);
            if (RegionWord.state(word) != RegionWord.EMPTY) {
                throw RegionWord.isBacked(word)
                        ? new RegionInUseException(
                                hpa, RegionWord.describe(word), "it can be mapped as one 2M page only without 4K users")
                        : refusal(word, hpa);
            }
            RegionTable.setState(words, slot, RegionWord.HUGE);
        } finally {
            locks.unlock(RegionTable.regionOf(hpa), called);
            if (pair != null) {
                scrubAndGiveBack(pair, hpa);
            }
        }
    }

    void unmap2M(long hpa) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        locks.lock(RegionTable.regionOf(hpa));
        try {
            requireMapped2M(hpa, words, slot);
            RegionTable.setState(words, slot, RegionWord.EMPTY);
        } finally {
            locks.unlock(RegionTable.regionOf(hpa), false);
        }
    }

    long demote2M(long hpa, PairSource source, DemoteCall call) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        PairInHand hand = new PairInHand(source.take(hpa));
        long region = RegionTable.regionOf(hpa);
        PagePair donors = donors(hand.pair);
        locks.lock(region, donors);
        try {
            requireOpen();
            requireMapped2M(hpa, words, slot);
            boolean answered = false;
            hand.called = true;
            try {
                long status = module.demote(hpa, call, hand.pair);
                answered = true;
                if (!TdxStatus.isError(status)) {
                    hand.used = true;
                    counters.demotes.increment();
                    RegionTable.setState(words, slot, RegionWord.backed(RegionWord.MAX_USERS));
                }
                return status;
            } finally {
                if (!answered) {
                    hand.used = true;
                    lost(hpa, hand.pair, SeamcallLeaf.MEM_PAGE_DEMOTE);
                }
            }
        } finally {
            locks.unlock(region, donors, hand.called);
            hand.giveBackUnlessUsed(source);
        }
    }

    long promote2M(long hpa, PromoteCall call) {
        int[] words = table.words(hpa);
        int slot = RegionTable.slot(hpa);
        SeamcallRegisters regs = new SeamcallRegisters();
        PagePair pair = null;
        boolean called = false;
        locks.lock(RegionTable.regionOf(hpa));
        try {
            requireOpen();
            called = leaveBacked(words, slot, RegionWord.MAX_USERS, RegionWord.HUGE);
            if (!called) {
                throw new RegionInUseException(
                        hpa,
                        RegionWord.describe(RegionTable.lv(words, slot)),
                        "it can be merged into one 2M page only with exactly 512 users");
            }
            long status = TdxStatus.OPERAND_BUSY.code();
            try {
                status = module.promote(hpa, call, regs);
            } finally {
                if (TdxStatus.isError(status)) {
                    RegionTable.setState(words, slot, RegionWord.backed(RegionWord.MAX_USERS));
                }
            }
            if (!TdxStatus.isError(status)) {
                counters.promotes.increment();
                pair = supply.returned(regs.r12, regs.r13);
            }
            return status;
        } finally {
            locks.unlock(RegionTable.regionOf(hpa), called);
            if (pair != null) {
                scrubAndGiveBack(pair, hpa);
            }
        }
    }

    @Override
    public boolean adopt(long chunkHpa) {
        int[] words = table.words(chunkHpa);
        int slot = RegionTable.slot(chunkHpa);
        PagePair pair = null;
        boolean called = false;
        locks.lock(RegionTable.regionOf(chunkHpa));
        try {
            called = leaveBacked(words, slot, 0, RegionWord.EMPTY);
            if (called) {
                SeamcallRegisters regs = new SeamcallRegisters();
                if (!TdxStatus.isError(remove(chunkHpa, words, slot, regs))) {
                    pair = supply.returned(regs.rdx, regs.r8);
                }
            }
            int word = RegionTable.lv(words, slot);
            if (RegionWord.state(word) != RegionWord.EMPTY || RegionWord.isEdge(word)) {
                return false;
            }
            RegionTable.setState(words, slot, RegionWord.DONOR);
            return true;
        } finally {
            locks.unlock(RegionTable.regionOf(chunkHpa), called);
            if (pair != null) {
                scrubAndGiveBack(pair, chunkHpa);
            }
        }
    }

    @Override
    public void release(long chunkHpa) {
        locks.lock(RegionTable.regionOf(chunkHpa));
        try {
            RegionTable.setState(table.words(chunkHpa), RegionTable.slot(chunkHpa), RegionWord.EMPTY);
        } finally {
            locks.unlock(RegionTable.regionOf(chunkHpa), false);
        }
    }

    @Override
    public boolean isDonor(long pageHpa) {
        int[] words = table.wordsIfAny(pageHpa);
        return words != null && RegionWord.state(RegionTable.lv(words, RegionTable.slot(pageHpa))) == RegionWord.DONOR;
    }

    @Override
    public boolean isRam(long hpa, int pages) {
        return table.isRam(hpa, pages);
    }

    /**
     * Looks at a region under its lock, when no transition of it is under way and none that began before the manager was
     * closing can still come.
     */
    int settledWord(long hpa, int[] words, int slot) {
        locks.lock(RegionTable.regionOf(hpa));
        try {
            return RegionTable.lv(words, slot);
        } finally {
            locks.unlock(RegionTable.regionOf(hpa), false);
        }
    }

    /** The pair if the regions of its pages have to be locked when it is donated; null if there is none or they need no lock. */
    private PagePair donors(PagePair pair) {
        return pair == null || pair.fromChunk() ? null : pair;
    }

    /** Gives a backed region another state if it has exactly that many users. */
    private static boolean leaveBacked(int[] words, int slot, int users, int state) {
        int seen = RegionTable.lv(words, slot);
        while (RegionWord.isBacked(seen) && RegionWord.users(seen) == users) {
            int witness = RegionTable.cae(words, slot, seen, RegionWord.withState(seen, state));
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Stores the state that the word has, without the failed attempts; what is backed has none. */
    private static void wipeAttempts(int word, int[] words, int slot) {
        if (!RegionWord.isBacked(word)) {
            RegionTable.setState(words, slot, RegionWord.state(word));
        }
    }

    /**
     * REMOVE of a region whose word says EMPTY already. If the module refuses, the region is idle again.
     *
     * @return the status; on success the pair is in RDX and R8
     */
    private long remove(long regionHpa, int[] words, int slot, SeamcallRegisters regs) {
        long status;
        try {
            status = module.remove(regionHpa, regs);
        } catch (RuntimeException unavailable) {
            counters.lostByRemoves.increment();
            LOG.error("no answer to REMOVE of region {}; its pair is lost", hex(regionHpa), unavailable);
            return TdxStatus.SYS_SHUTDOWN.code();
        }
        if (TdxStatus.isError(status)) {
            RegionTable.setState(words, slot, RegionWord.IDLE);
            counters.removeFailures.increment();
            if (toRetry.add(regionHpa)) {
                LOG.warn(
                        "REMOVE of region {} answered {}; it stays idle and is tried again",
                        hex(regionHpa),
                        TdxStatus.toString(status));
            }
            return status;
        }
        if (!toRetry.isEmpty()) {
            toRetry.remove(regionHpa);
        }
        return status;
    }

    private void scrubAndGiveBack(PagePair pair, long regionHpa) {
        memory.clearPage(pair.page0Hpa());
        memory.clearPage(pair.page1Hpa());
        supply.giveBack(pair, regionHpa);
    }

    private void lost(long regionHpa, PagePair pair, SeamcallLeaf leaf) {
        counters.lostByAdds.increment();
        LOG.error("no answer to {} of {} for region {}; the pair is lost", leaf.abiName(), pair, hex(regionHpa));
    }

    private void requireOpen() {
        if (lifecycle != Lifecycle.OPEN) {
            throw new ManagerClosedException("the manager");
        }
    }

    private static void requireMapped2M(long hpa, int[] words, int slot) {
        int word = RegionTable.lv(words, slot);
        if (RegionWord.state(word) != RegionWord.HUGE) {
            throw new RegionNotMapped2MException(hpa, RegionWord.describe(word));
        }
    }

    /** Why a word that is neither backed nor empty admits no user. */
    static PamtException refusal(int word, long hpa) {
        return switch (RegionWord.state(word)) {
            case RegionWord.HUGE -> new RegionMapped2MException(hpa);
            case RegionWord.DONOR -> new DonorRegionException(hpa);
            default -> new AddressOutsideMemoryException(hpa);
        };
    }

    private static String hex(long hpa) {
        return "0x" + Long.toHexString(hpa);
    }

    /** A pair that a transition may use, or not. */
    private static final class PairInHand {
        private final PagePair pair;
        private boolean called;
        private boolean used;

        PairInHand(PagePair pair) {
            this.pair = pair;
        }

        void giveBackUnlessUsed(PairHome home) {
            if (pair != null && !used) {
                home.giveBack(pair);
            }
        }
    }
}
