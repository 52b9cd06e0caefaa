package dev.pamt.impl.oom;

import dev.pamt.api.PageAllocator;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * A host's allocator that knows what is out, and reports what comes back that was not out or that the module still has.
 *
 * <p>Its stock is its own, or that of another allocator, whose errors it passes on.
 */
class Bank implements PageAllocator {
    private final PageAllocator stock;
    private final LongPredicate inModule;
    private final Findings findings;
    private final Set<Long> pagesOut = new HashSet<>();
    private final Set<Long> chunksOut = new HashSet<>();
    private int pagesRefused;
    private int chunksRefused;

    /**
     * Makes an allocator of which nothing is out.
     *
     * @param inModule whether the module has a page
     */
    Bank(PageAllocator stock, LongPredicate inModule, Findings findings) {
        this.stock = stock;
        this.inModule = inModule;
        this.findings = findings;
    }

    /** Refuses the next requests. */
    synchronized void refuse(int pages, int chunks) {
        pagesRefused = pages;
        chunksRefused = chunks;
    }

    @Override
    public synchronized long allocPage() {
        if (pagesRefused > 0) {
            pagesRefused--;
            return NONE;
        }
        long hpa = stock.allocPage();
        if (hpa != NONE) {
            pagesOut.add(hpa);
        }
        return hpa;
    }

    @Override
    public synchronized void freePage(long hpa) {
        if (!pagesOut.contains(hpa)) {
            findings.add(Category.PAGES_UNSEEN, "page 0x%x comes back and was not out", hpa);
            return;
        }
        if (inModule.test(hpa)) {
            findings.add(Category.PAGES_UNSEEN, "page 0x%x comes back, and the module has it", hpa);
        }
        stock.freePage(hpa);
        pagesOut.remove(hpa);
    }

    @Override
    public synchronized long allocChunk() {
        if (chunksRefused > 0) {
            chunksRefused--;
            return NONE;
        }
        long hpa = stock.allocChunk();
        if (hpa != NONE) {
            chunksOut.add(hpa);
        }
        return hpa;
    }

    @Override
    public synchronized void freeChunk(long hpa) {
        if (!chunksOut.contains(hpa)) {
            findings.add(Category.PAGES_UNSEEN, "chunk 0x%x comes back and was not out", hpa);
            return;
        }
        for (long page = hpa; page < hpa + CHUNK_BYTES; page += PAGE_BYTES) {
            if (inModule.test(page)) {
                findings.add(Category.PAGES_UNSEEN, "chunk 0x%x comes back, and the module has page 0x%x", hpa, page);
            }
        }
        stock.freeChunk(hpa);
        chunksOut.remove(hpa);
    }

    synchronized int pagesOut() {
        return pagesOut.size();
    }

    synchronized int chunksOut() {
        return chunksOut.size();
    }

    /** The pages that are out, singly or in chunks. */
    synchronized long out() {
        return pagesOut.size() + chunksOut.size() * (CHUNK_BYTES / PAGE_BYTES);
    }

    /** Some addresses of what is out, for a message. */
    synchronized String outText() {
        Set<String> some = new HashSet<>();
        for (Set<Long> out : List.of(pagesOut, chunksOut)) {
            out.stream().sorted().limit(4).forEach(hpa -> some.add("0x" + Long.toHexString(hpa)));
        }
        return pagesOut.size() + " pages and " + chunksOut.size() + " chunks " + some;
    }

    /** Pages and chunks that lie one behind the other. */
    static final class Stock implements PageAllocator {
        private final ArrayDeque<Long> pages = new ArrayDeque<>();
        private final ArrayDeque<Long> chunks = new ArrayDeque<>();

        Stock(long firstHpa, int chunkCount, int pageCount) {
            for (int i = 0; i < chunkCount; i++) {
                chunks.add(firstHpa + i * CHUNK_BYTES);
            }
            for (int i = 0; i < pageCount; i++) {
                pages.add(firstHpa + chunkCount * CHUNK_BYTES + i * PAGE_BYTES);
            }
        }

        @Override
        public long allocPage() {
            return pages.isEmpty() ? NONE : pages.poll();
        }

        @Override
        public void freePage(long hpa) {
            pages.push(hpa);
        }

        @Override
        public long allocChunk() {
            return chunks.isEmpty() ? NONE : chunks.poll();
        }

        @Override
        public void freeChunk(long hpa) {
            chunks.push(hpa);
        }
    }
}
