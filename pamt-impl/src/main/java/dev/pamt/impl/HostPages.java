package dev.pamt.impl;

import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.PhysicalMemory;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one door to the host's allocator, which is the user's and may do anything.
 *
 * <p>What comes in is checked: a page is RAM, aligned, not in a donor chunk and not the manager's already. A page that breaks a
 * rule is refused with the rule, and not given back: it is not the manager's, or it is in use. What goes out does not fail:
 * a page or chunk that the allocator does not take back is stranded, counted and logged.
 *
 * <p>A page of allocPage is struck out of the ledger before its reference is dropped, and goes to the allocator after that: so
 * it is freed once, and no region of a free page has a user.
 *
 * <p><b>After the close</b> the allocator is not called for memory. A thread increments the count of pages before it checks the
 * flag; a close sets the flag before it reads the count. So the close waits for the page, or the thread is refused.
 */
final class HostPages {
    private static final Logger LOG = LoggerFactory.getLogger(HostPages.class);

    private final PageAllocator allocator;
    private final PhysicalMemory memory;
    private final RegionTable table;
    private final PageLedger ledger;
    private final StripedCount callersPages = new StripedCount();
    private final StripedCount pairsPages = new StripedCount();
    private final AtomicLong stranded = new AtomicLong();
    private final RateLimitedLog complaints = new RateLimitedLog(LOG);
    private volatile boolean closed;

    HostPages(TdxHost host, PageAllocator allocator, RegionTable table) {
        this.allocator = allocator;
        this.memory = host.platform().memory();
        this.table = table;
        this.ledger = new PageLedger(host.memory().ram());
    }

    /**
     * Takes a page of the host for a caller of allocPage; it goes back if its preparation throws.
     *
     * @param preparation is given the page before the caller has it
     * @throws OutOfPagesException if the host has none
     * @throws IllegalStateException if the allocator broke a rule
     */
    long takeForCaller(LongConsumer preparation) {
        long hpa = take(Holder.CALLER);
        if (hpa == PageAllocator.NONE) {
            throw new OutOfPagesException("a 4K page");
        }
        boolean prepared = false;
        try {
            preparation.accept(hpa);
            prepared = true;
        } finally {
            if (!prepared) {
                giveBackUnused(hpa, Holder.CALLER);
            }
        }
        return hpa;
    }

    /**
     * Takes a page of the host, entered in the ledger.
     *
     * @return the page, or {@link PageAllocator#NONE}
     * @throws IllegalStateException if the allocator broke a rule
     * @throws ManagerClosedException if this was closed; the allocator has not been asked
     */
    long take(Holder holder) {
        count(holder).add(1);
        boolean taken = false;
        try {
            requireOpen();
            long hpa = allocator.allocPage();
            if (hpa != PageAllocator.NONE) {
                enter(hpa, holder);
                taken = true;
            }
            return hpa;
        } finally {
            if (!taken) {
                count(holder).add(-1);
            }
        }
    }

    /**
     * Takes two pages of the host for a pair.
     *
     * @param hpa an address in the region that the pair is for, for the message; or {@link PairSource#NO_REGION}
     * @throws OutOfPagesException if the host has none
     * @throws IllegalStateException if the allocator broke a rule
     * @throws ManagerClosedException if this was closed; the allocator has not been asked
     */
    PagePair takePair(long hpa) {
        long page0Hpa = PageAllocator.NONE;
        long page1Hpa = PageAllocator.NONE;
        PagePair pair = null;
        try {
            page0Hpa = take(Holder.PAIR);
            page1Hpa = page0Hpa == PageAllocator.NONE ? PageAllocator.NONE : take(Holder.PAIR);
            if (page1Hpa == PageAllocator.NONE) {
                throw new OutOfPagesException(
                        hpa == PairSource.NO_REGION
                                ? "a page pair"
                                : String.format("a page pair for the region of 0x%x", hpa));
            }
            pair = new PagePair(page0Hpa, page1Hpa, false);
        } finally {
            if (pair == null && page0Hpa != PageAllocator.NONE) {
                giveBackUnused(page0Hpa, Holder.PAIR);
            }
            if (pair == null && page1Hpa != PageAllocator.NONE) {
                giveBackUnused(page1Hpa, Holder.PAIR);
            }
        }
        return pair;
    }

    private void enter(long hpa, Holder holder) {
        if ((hpa & (PageAllocator.PAGE_BYTES - 1)) != 0) {
            throw brokenRule("page", hpa, "is not a multiple of 0x1000");
        }
        if (!table.isRam(hpa, 1)) {
            throw brokenRule("page", hpa, "lies outside the memory map");
        }
        try {
            ledger.prepare(hpa);
        } catch (OutOfMemoryError noLedger) {
            toAllocator(hpa);
            throw noLedger;
        }
        if (table.isDonor(hpa)) {
            throw brokenRule("page", hpa, "lies in a chunk that it has given before and not taken back");
        }
        if (!ledger.enter(hpa, holder)) {
            throw brokenRule("page", hpa, "was given before and has not come back");
        }
    }

    /**
     * Takes a 2M chunk of the host, which the caller has counted. One that breaks a rule is refused, logged and left alone.
     *
     * @return the chunk, or {@link PageAllocator#NONE}
     * @throws ManagerClosedException if this was closed; the allocator has not been asked
     */
    long takeChunk() {
        requireOpen();
        long hpa = allocator.allocChunk();
        if (hpa == PageAllocator.NONE) {
            return hpa;
        }
        if ((hpa & (PageAllocator.CHUNK_BYTES - 1)) != 0) {
            return refuseChunk(hpa, "is not a multiple of 0x200000");
        }
        if (!table.isRam(hpa, RegionWord.MAX_USERS)) {
            return refuseChunk(hpa, "lies outside the memory map");
        }
        if (ledger.hasAnyOf(hpa)) {
            return refuseChunk(hpa, "has pages that were given before and have not come back");
        }
        return hpa;
    }

    long refuseChunk(long hpa, String rule) {
        complaints.warn("the host's allocator gave chunk 0x%x, which %s; it is not used", hpa, rule);
        return PageAllocator.NONE;
    }

    private static IllegalStateException brokenRule(String what, long hpa, String rule) {
        return new IllegalStateException(String.format("the host's allocator gave %s 0x%x, which %s", what, hpa, rule));
    }

    private void requireOpen() {
        if (closed) {
            throw new ManagerClosedException("the manager");
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** Refuses every later request for a page or a chunk. */
    void close() {
        closed = true;
    }

    /** Gives a page back that no one has written to. Never throws. */
    void giveBackUnused(long hpa, Holder holder) {
        ledger.strikeOut(hpa, holder);
        toAllocator(hpa);
        count(holder).add(-1);
    }

    /** Strikes a page of allocPage out of the ledger: the caller frees it, and no other thread can. */
    void strikeOut(long hpa) {
        if (!ledger.strikeOut(hpa, Holder.CALLER)) {
            throw new DoubleFreeException(hpa);
        }
    }

    /** Enters a page of allocPage again whose reference could not be dropped. */
    void enterAgain(long hpa) {
        ledger.enter(hpa, Holder.CALLER);
    }

    /** Scrubs a page of allocPage that was struck out and gives it back. Never throws. */
    void scrubAndGiveBack(long hpa) {
        if (scrub(hpa)) {
            toAllocator(hpa);
        } else {
            stranded.getAndIncrement();
        }
        count(Holder.CALLER).add(-1);
    }

    /** Fills a page with zeros; returns whether that has worked. Never throws. */
    boolean scrub(long hpa) {
        try {
            memory.clearPage(hpa);
            return true;
        } catch (Throwable failure) {
            complaints.warn("page 0x%x could not be scrubbed and is kept: %s", hpa, failure);
            return false;
        }
    }

    private void toAllocator(long hpa) {
        try {
            allocator.freePage(hpa);
        } catch (Throwable failure) {
            stranded.getAndIncrement();
            complaints.warn("the host's allocator has not taken page 0x%x back: %s", hpa, failure);
        }
    }

    /** Gives a chunk back. Never throws. */
    void giveChunkBack(long hpa) {
        try {
            allocator.freeChunk(hpa);
        } catch (Throwable failure) {
            stranded.getAndAdd(RegionWord.MAX_USERS);
            complaints.warn("the host's allocator has not taken chunk 0x%x back: %s", hpa, failure);
        }
    }

    /** Notes that a chunk stays, because its region could not be released. Never throws. */
    void keepChunk(long hpa, Throwable why) {
        complaints.warn("chunk 0x%x stays with the manager for now: %s", hpa, why);
    }

    /** Returns how many pages are out: from before the allocator is asked for one until it has it back. */
    long pages(Holder holder) {
        return count(holder).sum();
    }

    private StripedCount count(Holder holder) {
        return holder == Holder.CALLER ? callersPages : pairsPages;
    }

    /** Returns how many pages belong to the host and could not be given back. */
    long stranded() {
        return stranded.get();
    }

    /** Returns the 2M regions, by address, with pages that are out. */
    List<Long> regions() {
        return ledger.regions();
    }
}
