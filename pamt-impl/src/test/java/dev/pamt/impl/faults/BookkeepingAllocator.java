package dev.pamt.impl.faults;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.impl.faults.Fault.Way;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;

/** A host's allocator that knows who has what, fails on demand, and takes nothing back that it has not given. */
class BookkeepingAllocator implements PageAllocator {
    private static final long PAGES_PER_CHUNK = CHUNK_BYTES / PAGE_BYTES;

    private final ArrayDeque<Long> freePages = new ArrayDeque<>();
    private final ArrayDeque<Long> freeChunks = new ArrayDeque<>();
    private final Set<Long> pagesOut = new HashSet<>();
    private final Set<Long> chunksOut = new HashSet<>();
    private final FaultInjector faults;
    private final long usedChunkHpa;
    private Runnable watcher = () -> {};
    private long givenInVain;
    private long takenInVain;

    /**
     * Makes an allocator.
     *
     * @param firstHpa where the chunks begin, and after them the pages
     * @param usedChunkHpa the chunk that the manager must not take, for a fault
     */
    BookkeepingAllocator(FaultInjector faults, long firstHpa, int pages, int chunks, long usedChunkHpa) {
        this.faults = faults;
        this.usedChunkHpa = usedChunkHpa;
        for (int i = 0; i < chunks; i++) {
            freeChunks.add(firstHpa + i * CHUNK_BYTES);
        }
        for (int i = 0; i < pages; i++) {
            freePages.add(firstHpa + chunks * CHUNK_BYTES + i * PAGE_BYTES);
        }
    }

    /** Runs something at the beginning of each call. */
    void watchedBy(Runnable other) {
        watcher = other;
    }

    @Override
    public long allocPage() {
        watcher.run();
        boolean hit = faults.hits(Site.PAGE_ALLOCATION);
        if (freePages.isEmpty() || (hit && refuses())) {
            return NONE;
        }
        long hpa = freePages.poll();
        pagesOut.add(hpa);
        if (hit) {
            givenInVain++;
            faults.raise();
        }
        return hpa;
    }

    @Override
    public void freePage(long hpa) {
        watcher.run();
        if (!pagesOut.contains(hpa) || faults.pairs().holdsAnyOf(hpa, PAGE_BYTES)) {
            comesBackWrongly("page", hpa);
        }
        boolean hit = faults.throwsAfter(Site.PAGE_RETURN);
        pagesOut.remove(hpa);
        freePages.push(hpa);
        if (hit) {
            takenInVain++;
            faults.raise();
        }
    }

    @Override
    public long allocChunk() {
        watcher.run();
        boolean hit = faults.hits(Site.CHUNK_ALLOCATION);
        if (hit && refuses()) {
            return NONE;
        }
        boolean used = faults.hits(Site.CHUNK_IN_USE);
        if (!used && freeChunks.isEmpty()) {
            return NONE;
        }
        long hpa = used ? usedChunkHpa : freeChunks.poll();
        chunksOut.add(hpa);
        if (hit) {
            givenInVain += PAGES_PER_CHUNK;
            faults.raise();
        }
        return hpa;
    }

    @Override
    public void freeChunk(long hpa) {
        watcher.run();
        if (!chunksOut.contains(hpa) || faults.pairs().holdsAnyOf(hpa, CHUNK_BYTES)) {
            comesBackWrongly("chunk", hpa);
        }
        boolean hit = faults.throwsAfter(Site.CHUNK_RETURN);
        chunksOut.remove(hpa);
        if (hpa != usedChunkHpa) {
            freeChunks.push(hpa);
        }
        if (hit) {
            takenInVain += PAGES_PER_CHUNK;
            faults.raise();
        }
    }

    private boolean refuses() {
        if (faults.fault().way() == Way.THROWS_BEFORE) {
            faults.raise();
        }
        return faults.fault().way() == Way.REFUSES;
    }

    private void comesBackWrongly(String what, long hpa) {
        String violation = String.format("%s 0x%x comes back and was not out, or the module has it", what, hpa);
        faults.violation(violation);
        throw new AssertionError(violation);
    }

    boolean isOut(long pageHpa) {
        return pagesOut.contains(pageHpa) || chunksOut.contains(pageHpa & -CHUNK_BYTES);
    }

    boolean isPageOut(long pageHpa) {
        return pagesOut.contains(pageHpa);
    }

    Set<Long> chunksOut() {
        return chunksOut;
    }

    /** The pages that the manager answers for: those that are out, but for those of calls that gave and took and then threw. */
    long answeredFor() {
        return pagesOut.size() + PAGES_PER_CHUNK * chunksOut.size() - givenInVain + takenInVain;
    }
}
