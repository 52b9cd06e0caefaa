package dev.pamt.tck;

import static org.junit.jupiter.api.Assumptions.abort;

import dev.pamt.api.PageAllocator;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** What an allocator has handed out, page by page; each step is held to the rules. For one thread, which may share the set of pages. */
final class PagesOut {
    static final int PAGES_PER_CHUNK = (int) (PageAllocator.CHUNK_BYTES / PageAllocator.PAGE_BYTES);

    private static final long FIRST_IMPOSSIBLE_HPA = 1L << 52;

    private final PageAllocator allocator;
    /** The rule that is broken by a page with two owners. */
    private final String rule;

    private final Set<Long> pagesOut;
    final List<Long> pages = new ArrayList<>();
    final List<Long> chunks = new ArrayList<>();

    PagesOut(PageAllocator allocator, String rule, Set<Long> pagesOut) {
        this.allocator = allocator;
        this.rule = rule;
        this.pagesOut = pagesOut;
    }

    PagesOut(PageAllocator allocator) {
        this(allocator, "PA-3", new HashSet<>());
    }

    boolean takePage() {
        long hpa = allocate("allocPage", allocator::allocPage);
        if (hpa == PageAllocator.NONE) {
            return false;
        }
        if (!isPossible(hpa, PageAllocator.PAGE_BYTES)) {
            throw BrokenRule.of("PA-1", "allocPage has returned 0x%x, which is no 4K page within 52 bits", hpa);
        }
        if (!pagesOut.add(hpa)) {
            throw BrokenRule.of(rule, "allocPage has returned 0x%x, which is out", hpa);
        }
        pages.add(hpa);
        return true;
    }

    boolean takeChunk() {
        long hpa = allocate("allocChunk", allocator::allocChunk);
        if (hpa == PageAllocator.NONE) {
            return false;
        }
        if (!isPossible(hpa, PageAllocator.CHUNK_BYTES)) {
            throw BrokenRule.of("PA-2", "allocChunk has returned 0x%x, which is no 2M chunk within 52 bits", hpa);
        }
        for (int i = 0; i < PAGES_PER_CHUNK; i++) {
            if (!pagesOut.add(hpa + i * PageAllocator.PAGE_BYTES)) {
                throw BrokenRule.of(rule, "allocChunk has returned 0x%x, and page %d of the chunk is out", hpa, i);
            }
        }
        chunks.add(hpa);
        return true;
    }

    void givePage(int index) {
        long hpa = pages.get(index);
        pages.set(index, pages.get(pages.size() - 1));
        pages.remove(pages.size() - 1);
        pagesOut.remove(hpa);
        give("freePage", allocator::freePage, hpa);
    }

    void giveChunk(int index) {
        long hpa = chunks.remove(index);
        for (int i = 0; i < PAGES_PER_CHUNK; i++) {
            pagesOut.remove(hpa + i * PageAllocator.PAGE_BYTES);
        }
        give("freeChunk", allocator::freeChunk, hpa);
    }

    int takeAllChunks() {
        int taken = 0;
        while (takeChunk()) {
            taken++;
            mindTheMost();
        }
        return taken;
    }

    int takeAllPages() {
        int taken = 0;
        while (takePage()) {
            taken++;
            mindTheMost();
        }
        return taken;
    }

    /** Takes all that there is, and returns how many pages. */
    int takeAll() {
        return takeAllChunks() * PAGES_PER_CHUNK + takeAllPages();
    }

    void giveAll(Random random) {
        while (!pages.isEmpty()) {
            givePage(random.nextInt(pages.size()));
        }
        while (!chunks.isEmpty()) {
            giveChunk(random.nextInt(chunks.size()));
        }
    }

    void mindTheMost() {
        if (pagesOut.size() > PageAllocatorContractTest.MAX_PAGES) {
            abort("the allocator has more than " + PageAllocatorContractTest.MAX_PAGES
                    + " pages; give the test a smaller one");
        }
    }

    private static boolean isPossible(long hpa, long bytes) {
        return hpa >= 0 && hpa < FIRST_IMPOSSIBLE_HPA && hpa % bytes == 0;
    }

    private static long allocate(String call, LongSupplier allocation) {
        try {
            return allocation.getAsLong();
        } catch (RuntimeException | AssertionError thrown) {
            throw BrokenRule.of(
                    thrown, "PA-5", "%s has thrown %s; what says that there is no memory is NONE", call, thrown);
        }
    }

    private static void give(String call, LongConsumer giving, long hpa) {
        try {
            giving.accept(hpa);
        } catch (RuntimeException | AssertionError thrown) {
            throw BrokenRule.of(thrown, "PA-4", "%s of 0x%x, which is out, has thrown %s", call, hpa, thrown);
        }
    }
}
