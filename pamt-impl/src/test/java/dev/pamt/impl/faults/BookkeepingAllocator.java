package dev.pamt.impl.faults;

import dev.pamt.api.PageAllocator;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** A host's allocator that knows who has what, refuses on demand, and takes nothing back that it has not given. */
class BookkeepingAllocator implements PageAllocator {
    private final ArrayDeque<Long> freePages = new ArrayDeque<>();
    private final ArrayDeque<Long> freeChunks = new ArrayDeque<>();
    private final Set<Long> pagesOut = new HashSet<>();
    private final Set<Long> chunksOut = new HashSet<>();
    private final BooleanSupplier refusesPage;
    private final BooleanSupplier refusesChunk;
    private final ChunkOffer badChunk;

    /** A chunk that the manager must not take, or NONE if this time it gets a good one. */
    interface ChunkOffer {
        long next();
    }

    BookkeepingAllocator(
            long firstHpa,
            int pages,
            int chunks,
            BooleanSupplier refusesPage,
            BooleanSupplier refusesChunk,
            ChunkOffer badChunk) {
        this.refusesPage = refusesPage;
        this.refusesChunk = refusesChunk;
        this.badChunk = badChunk;
        for (int i = 0; i < chunks; i++) {
            freeChunks.add(firstHpa + i * CHUNK_BYTES);
        }
        for (int i = 0; i < pages; i++) {
            freePages.add(firstHpa + chunks * CHUNK_BYTES + i * PAGE_BYTES);
        }
    }

    @Override
    public long allocPage() {
        if (refusesPage.getAsBoolean() || freePages.isEmpty()) {
            return NONE;
        }
        long hpa = freePages.poll();
        pagesOut.add(hpa);
        return hpa;
    }

    @Override
    public void freePage(long hpa) {
        if (!pagesOut.remove(hpa)) {
            throw new AssertionError(String.format("page 0x%x comes back and was not out", hpa));
        }
        freePages.push(hpa);
    }

    @Override
    public long allocChunk() {
        if (refusesChunk.getAsBoolean()) {
            return NONE;
        }
        long bad = badChunk.next();
        if (bad == NONE && freeChunks.isEmpty()) {
            return NONE;
        }
        long hpa = bad != NONE ? bad : freeChunks.poll();
        chunksOut.add(hpa);
        return hpa;
    }

    @Override
    public void freeChunk(long hpa) {
        if (!chunksOut.remove(hpa)) {
            throw new AssertionError(String.format("chunk 0x%x comes back and was not out", hpa));
        }
        freeChunks.push(hpa);
    }

    int pagesOut() {
        return pagesOut.size();
    }

    int chunksOut() {
        return chunksOut.size();
    }
}
