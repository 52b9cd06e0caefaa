package dev.pamt.impl.hostile;

import dev.pamt.api.PageAllocator;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * The owner of every 4K page, as the manager was told: the oracle of the hostile worlds.
 *
 * <p>It follows answers, not deeds. A page is the module's from the ADD or DEMOTE that was answered with a success until the
 * REMOVE or PROMOTE that names it, and is lost for good when the answer is missing or names something else; what the module
 * did is its own affair.
 */
final class Ownership {
    /** Who can own a page. */
    enum Owner {
        /** The host's allocator has it. */
        ALLOCATOR(0),
        /** The manager has it, alone or in a chunk. */
        MANAGER(1),
        /** It is in the ADD or DEMOTE that is under way. */
        DONATED(2),
        /** The module has it. */
        MODULE(3),
        /** No one may use it again: an answer is missing, or was not believed. */
        LOST(4),
        /** Its pair was returned and could not be scrubbed. */
        UNSCRUBBED(5),
        /** A caller of allocPage has it. */
        USER(6),
        /** A caller of freePage has given it back. */
        FREEING(7),
        /** It could not be given back to the allocator. */
        STRANDED(8),
        /** The allocator has failed after it had taken it off its list. */
        FORGOTTEN(9),
        /** It lies in a region that the users manage themselves. */
        FOREIGN(10);

        private final int code;

        Owner(int code) {
            this.code = code;
        }
    }

    private static final Owner[] OWNERS = Owner.values();
    private static final int OWNER = 15;
    private static final int DIRTY = 16;
    private static final int CHUNK = 32;
    private static final int PAGES_PER_REGION = 512;
    private static final int MOST_SET_ASIDE = 64;

    private final Journal journal;
    private final long firstHpa;
    private final int targets;
    private final AtomicIntegerArray pages;
    /** The pair that each region holds by the answers of the module. */
    private final AtomicReferenceArray<Pair> held;

    private final AtomicReferenceArray<Pair> lastPairs;
    private final AtomicIntegerArray frees;
    private final AtomicIntegerArray chunks;
    private final AtomicIntegerArray users;
    private final AtomicIntegerArray huge;
    private final AtomicIntegerArray unknown;
    /** The first pages of pairs that were refused, with the number of trims at that time. */
    private final Map<Long, Integer> setAside = new ConcurrentHashMap<>();

    private final AtomicInteger trims = new AtomicInteger();
    private final AtomicInteger trimsUnderWay = new AtomicInteger();
    private final AtomicInteger refusals = new AtomicInteger();
    private final AtomicLong lostPairs = new AtomicLong();
    private final AtomicLong strandedPages = new AtomicLong();
    /** Pages that went to the manager and that it has not got rid of, seen from its side. */
    private final AtomicLong pagesOut = new AtomicLong();

    /** Makes a memory whose first regions are managed by the users, and the others by the host's allocator. */
    Ownership(Journal journal, long firstHpa, int targets, int regions) {
        this.journal = journal;
        this.firstHpa = firstHpa;
        this.targets = targets;
        int[] owners = new int[regions * PAGES_PER_REGION];
        Arrays.fill(owners, 0, targets * PAGES_PER_REGION, Owner.FOREIGN.code);
        pages = new AtomicIntegerArray(owners);
        held = new AtomicReferenceArray<>(regions);
        lastPairs = new AtomicReferenceArray<>(owners.length);
        frees = new AtomicIntegerArray(owners.length);
        chunks = new AtomicIntegerArray(regions);
        users = new AtomicIntegerArray(regions);
        huge = new AtomicIntegerArray(regions);
        unknown = new AtomicIntegerArray(regions);
    }

    int regions() {
        return held.length();
    }

    int targets() {
        return targets;
    }

    long regionHpa(int region) {
        return firstHpa + region * PageAllocator.CHUNK_BYTES;
    }

    int regionOf(long hpa) {
        return (int) ((hpa - firstHpa) / PageAllocator.CHUNK_BYTES);
    }

    boolean isPage(long hpa) {
        return (hpa & (PageAllocator.PAGE_BYTES - 1)) == 0
                && hpa >= firstHpa
                && hpa < firstHpa + pages.length() * PageAllocator.PAGE_BYTES;
    }

    /** The owner of a page, or null if it is none of this memory. */
    Owner owner(long hpa) {
        return isPage(hpa) ? OWNERS[pages.get(index(hpa)) & OWNER] : null;
    }

    boolean isChunk(long hpa) {
        return isPage(hpa) && chunks.get(regionOf(hpa)) != 0;
    }

    Pair held(int region) {
        return held.get(region);
    }

    long installedPairs() {
        long count = 0;
        for (int region = 0; region < held.length(); region++) {
            count += held.get(region) == null ? 0 : 1;
        }
        return count;
    }

    long lostPairs() {
        return lostPairs.get();
    }

    long strandedPages() {
        return strandedPages.get();
    }

    long pagesOut() {
        return pagesOut.get();
    }

    // What the users do.

    /** A get or DEMOTE has returned: from now on the region has these users, and needs its pair. */
    void gotten(int region, int count) {
        if (held.get(region) == null) {
            journal.violation("region " + region + " was got and holds no pair");
        }
        users.getAndAdd(region, count);
    }

    /** A put or PROMOTE begins. */
    void putting(int region, int count) {
        users.getAndAdd(region, -count);
    }

    void mapped(int region, boolean mapped) {
        if (mapped && (held.get(region) != null || unknown.get(region) != 0)) {
            journal.violation("region " + region + " is mapped as one 2M page and holds a pair, or may hold one");
        }
        huge.set(region, mapped ? 1 : 0);
    }

    void handedOut(long hpa) {
        move(hpa, "allocPage hands out", Owner.USER, true, Owner.MANAGER);
        gotten(regionOf(hpa), 1);
    }

    /** Returns how often the page was freed by now, for the end of the same freePage. */
    int freeing(long hpa) {
        putting(regionOf(hpa), 1);
        move(hpa, "freePage is called for", Owner.FREEING, true, Owner.USER);
        return frees.incrementAndGet(index(hpa));
    }

    /**
     * A freePage has returned; a page that is still on its way was stranded because it could not be scrubbed. If it is on the way
     * of another freePage it came to the allocator by this one.
     */
    void freed(long hpa, int count) {
        int index = index(hpa);
        int seen = pages.get(index);
        if ((seen & OWNER) == Owner.FREEING.code && frees.get(index) == count) {
            if ((seen & DIRTY) == 0) {
                journal.violation(text(hpa) + " was freed and did not go back to the allocator");
            }
            strandedPages.incrementAndGet();
            pages.set(index, Owner.STRANDED.code);
        }
    }

    // What the allocator does.

    void given(long hpa) {
        move(hpa, "the allocator gives", Owner.MANAGER, false, Owner.ALLOCATOR);
        pagesOut.incrementAndGet();
    }

    void givenChunk(long hpa) {
        chunks.set(regionOf(hpa), 1);
        for (int i = 0; i < PAGES_PER_REGION; i++) {
            pages.set(index(hpa) + i, Owner.MANAGER.code | CHUNK);
        }
        pagesOut.addAndGet(PAGES_PER_REGION);
    }

    void forgotten(long hpa) {
        pages.set(index(hpa), Owner.FORGOTTEN.code);
    }

    /** Whether a page that is given back was the manager's to give: of its own, single, and scrubbed. */
    boolean takenBack(long hpa) {
        if (!move(hpa, "gives back to the allocator", Owner.ALLOCATOR, false, Owner.MANAGER, Owner.FREEING)) {
            return false;
        }
        pagesOut.decrementAndGet();
        return true;
    }

    /** The allocator failed at a page that it was given back: before it had it on its list, or after. */
    void stranded(long hpa, boolean before) {
        strandedPages.incrementAndGet();
        pagesOut.incrementAndGet();
        if (before) {
            pages.set(index(hpa), Owner.STRANDED.code);
        }
    }

    boolean takenBackChunk(long hpa) {
        int region = regionOf(hpa);
        if (!isPage(hpa) || (hpa & (PageAllocator.CHUNK_BYTES - 1)) != 0 || !chunks.compareAndSet(region, 1, 0)) {
            journal.violation("chunk 0x" + Long.toHexString(hpa) + " comes back and is not out");
            return false;
        }
        boolean whole = true;
        for (int i = 0; i < PAGES_PER_REGION && whole; i++) {
            whole = pages.compareAndSet(index(hpa) + i, Owner.MANAGER.code | CHUNK, Owner.ALLOCATOR.code);
            if (!whole) {
                journal.violation("a chunk comes back with " + text(hpa + i * PageAllocator.PAGE_BYTES));
            }
        }
        pagesOut.addAndGet(-PAGES_PER_REGION);
        return whole;
    }

    void strandedChunk(long hpa, boolean before) {
        strandedPages.addAndGet(PAGES_PER_REGION);
        pagesOut.addAndGet(PAGES_PER_REGION);
        for (int i = 0; before && i < PAGES_PER_REGION; i++) {
            pages.set(index(hpa) + i, Owner.STRANDED.code);
        }
    }

    // What the module is asked, and what it answers.

    /** An ADD or DEMOTE begins: the pages must be the manager's. */
    Pair donated(int region, long page0Hpa, long page1Hpa) {
        if (held.get(region) != null) {
            journal.violation("region " + region + " is given a pair and holds " + held.get(region));
        }
        if (unknown.get(region) != 0) {
            journal.violation("region " + region + " is given a pair before it is known whether it holds one");
        }
        requireNotSetAside(page0Hpa);
        if (chunks.get(region) != 0) {
            journal.violation("region " + region + " is given a pair and is a chunk of donated pages");
        }
        Pair pair = new Pair(page0Hpa, page1Hpa);
        donated(pair, page0Hpa);
        donated(pair, page1Hpa);
        return pair;
    }

    private void donated(Pair pair, long hpa) {
        if (move(hpa, "is donated", Owner.DONATED, false, Owner.MANAGER)) {
            lastPairs.set(index(hpa), pair);
        }
    }

    void requireNoUsers(int region, String what) {
        if (users.get(region) != 0) {
            journal.violation(what + " of region " + region + " while it has " + users.get(region) + " users");
        }
        if (huge.get(region) != 0) {
            journal.violation(what + " of region " + region + " while it is mapped as one 2M page");
        }
    }

    /** A REMOVE is made only of regions that hold a pair, or of which no one knows. */
    void requirePairOrDoubt(int region) {
        if (held.get(region) == null && unknown.get(region) == 0) {
            journal.violation("REMOVE of region " + region + ", which the manager must know holds no pair");
        }
    }

    void installed(int region, Pair pair) {
        moveBoth(pair, Owner.DONATED, Owner.MODULE, true);
        held.set(region, pair);
    }

    void refused(Pair pair) {
        moveBoth(pair, Owner.DONATED, Owner.MANAGER, false);
    }

    /** The module finds a page of the pair at fault: the pair is set aside until the next trim, unless too many are. */
    void refusedForItsPages(Pair pair) {
        if (refusals.incrementAndGet() <= MOST_SET_ASIDE) {
            setAside.put(pair.page0Hpa(), trims.get());
        }
    }

    /** Runs a trim or a close: pairs that were set aside come back into circulation while it is under way. */
    void whileTrimming(Runnable call) {
        trimsUnderWay.incrementAndGet();
        trims.incrementAndGet();
        try {
            call.run();
        } finally {
            trims.incrementAndGet();
            trimsUnderWay.decrementAndGet();
            refusals.set(0);
        }
    }

    private void requireNotSetAside(long page0Hpa) {
        Integer since = setAside.remove(page0Hpa);
        boolean trimming = trimsUnderWay.get() > 0;
        if (since != null && since == trims.get() && !trimming) {
            journal.violation(
                    "page 0x" + Long.toHexString(page0Hpa) + " is offered again, and the module has refused it");
        }
    }

    boolean isUnknown(int region) {
        return unknown.get(region) != 0;
    }

    void unanswered(int region, Pair pair) {
        moveBoth(pair, Owner.DONATED, Owner.LOST, false);
        countLost(pair);
        unknown.set(region, 1);
    }

    /** A success of REMOVE or PROMOTE names two pages. */
    void returned(int region, long page0Hpa, long page1Hpa) {
        Pair pair = held.getAndSet(region, null);
        unknown.set(region, 0);
        if (pair == null) {
            return;
        }
        if (pair.names(page0Hpa, page1Hpa)) {
            moveBoth(pair, Owner.MODULE, Owner.MANAGER, true);
        } else {
            moveBoth(pair, Owner.MODULE, Owner.LOST, false);
            countLost(pair);
        }
    }

    /** The region's pair will not come back: the module says that there is none, or says nothing. */
    void gone(int region, boolean answered) {
        Pair pair = held.getAndSet(region, null);
        unknown.set(region, answered ? 0 : 1);
        if (pair != null) {
            moveBoth(pair, Owner.MODULE, Owner.LOST, false);
            countLost(pair);
        }
    }

    // What is scrubbed.

    void cleared(long hpa) {
        if (!isPage(hpa)) {
            journal.violation("the manager scrubs 0x" + Long.toHexString(hpa) + ", which is no page of its");
            return;
        }
        int seen = pages.get(index(hpa));
        switch (OWNERS[seen & OWNER]) {
            case MANAGER, FREEING, UNSCRUBBED -> pages.compareAndSet(index(hpa), seen, seen & ~DIRTY);
            default -> journal.violation("the manager scrubs " + text(hpa));
        }
    }

    void notCleared(long hpa) {
        cleared(hpa);
        int seen = pages.get(index(hpa));
        pages.compareAndSet(index(hpa), seen, seen | DIRTY);
        Pair pair = lastPairs.get(index(hpa));
        if ((seen & OWNER) != Owner.FREEING.code && pair != null) {
            moveBoth(pair, Owner.MANAGER, Owner.UNSCRUBBED, true);
            countLost(pair);
        }
    }

    // At rest.

    /** Chunks that lie with the manager without one page at work. */
    int idleChunks() {
        int count = 0;
        for (int region = 0; region < chunks.length(); region++) {
            count += chunks.get(region) != 0 && leftIn(region, PAGES_PER_REGION) ? 1 : 0;
        }
        return count;
    }

    /** After a close: whatever is the manager's still, but for chunks that a lost pair was cut from. */
    void requireNothingKept() {
        for (int region = 0; region < chunks.length(); region++) {
            boolean chunk = chunks.get(region) != 0;
            if (chunk && leftIn(region, PAGES_PER_REGION)) {
                journal.violation("after close the manager keeps chunk " + region + ", which is whole");
            }
            for (int i = 0; !chunk && i < PAGES_PER_REGION; i++) {
                long hpa = regionHpa(region) + i * PageAllocator.PAGE_BYTES;
                switch (owner(hpa)) {
                    case MANAGER, DONATED, USER, FREEING -> journal.violation("after close remains " + text(hpa));
                    default -> {}
                }
            }
        }
    }

    private boolean leftIn(int region, int count) {
        int found = 0;
        for (int i = 0; i < PAGES_PER_REGION; i++) {
            found += owner(regionHpa(region) + i * PageAllocator.PAGE_BYTES) == Owner.MANAGER ? 1 : 0;
        }
        return found == count;
    }

    private void countLost(Pair pair) {
        if (pair.lost().compareAndSet(false, true)) {
            lostPairs.incrementAndGet();
        }
    }

    private void moveBoth(Pair pair, Owner from, Owner to, boolean dirty) {
        moveOne(pair, pair.page0Hpa(), from, to, dirty);
        moveOne(pair, pair.page1Hpa(), from, to, dirty);
    }

    /** Moves a page of a pair, unless it never was the pair's; that was reported when it was donated. */
    private void moveOne(Pair pair, long hpa, Owner from, Owner to, boolean dirty) {
        if (isPage(hpa) && pair.equals(lastPairs.get(index(hpa)))) {
            int seen = pages.get(index(hpa));
            if ((seen & OWNER) == from.code) {
                pages.compareAndSet(index(hpa), seen, (seen & ~OWNER) | to.code | (dirty ? DIRTY : 0));
            }
        }
    }

    private boolean move(long hpa, String what, Owner to, boolean dirty, Owner... from) {
        if (!isPage(hpa)) {
            journal.violation(what + " 0x" + Long.toHexString(hpa) + ", which is no page of this memory");
            return false;
        }
        int index = index(hpa);
        int seen = pages.get(index);
        boolean mayCarryDirt = to != Owner.ALLOCATOR || (seen & DIRTY) == 0;
        boolean single = (seen & CHUNK) == 0 || to == Owner.DONATED;
        if (Arrays.asList(from).contains(OWNERS[seen & OWNER]) && mayCarryDirt && single) {
            int next = (seen & (CHUNK | DIRTY)) | to.code | (dirty ? DIRTY : 0);
            if (pages.compareAndSet(index, seen, next)) {
                return true;
            }
        }
        journal.violation(what + " " + text(hpa));
        return false;
    }

    private int index(long hpa) {
        return (int) ((hpa - firstHpa) / PageAllocator.PAGE_BYTES);
    }

    private String text(long hpa) {
        int seen = pages.get(index(hpa));
        return "page 0x" + Long.toHexString(hpa) + " of " + OWNERS[seen & OWNER]
                + ((seen & CHUNK) != 0 ? " in a chunk" : "") + ((seen & DIRTY) != 0 ? ", unscrubbed" : "");
    }
}
