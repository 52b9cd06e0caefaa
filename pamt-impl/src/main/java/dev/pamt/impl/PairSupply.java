package dev.pamt.impl;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where pairs come from: those that lie ready, then 2M chunks of the host, then single pages where the host has no chunk.
 *
 * <p>A chunk's region is in state DONOR for as long as the manager has it, so it is never the target of an ADD or REMOVE, and
 * an ADD that donates pages of it cannot be busy on their account.
 *
 * <p>One thread at a time asks the host's allocator for a chunk. The allocator is called with nothing locked that a thread with
 * the lock of a region waits for.
 */
final class PairSupply implements PairSource {
    private final PairPool pool;
    private final DonorChunks chunks;
    private final HostPages pages;
    private final ChunkAdopter adopter;
    /** Held by the one thread that asks the host for a chunk. No thread that holds the lock of a region waits for it. */
    private final ReentrantLock growing = new ReentrantLock();

    PairSupply(PairPool pool, DonorChunks chunks, HostPages pages, ChunkAdopter adopter) {
        this.pool = pool;
        this.chunks = chunks;
        this.pages = pages;
        this.adopter = adopter;
    }

    /** Makes regions of chunks donors. */
    interface ChunkAdopter {
        /** Makes what the transitions of a chunk's region need, so that its release needs no memory. */
        Transition prepare(long chunkHpa);

        /** Makes an unused region a donor. */
        Adoption adopt(Transition chunk);

        /** Throws if the calling thread is inside a SEAMCALL, and so must not begin a transition. */
        void refuseReentry(String call);
    }

    /** How the adoption of a chunk has ended. */
    enum Adoption {
        ADOPTED,
        /** The region is in use or keeps a pair. */
        IN_USE,
        /** The region is a donor already. */
        DONOR_ALREADY
    }

    @Override
    public PagePair take(long hpa) {
        if (pages.isClosed()) {
            throw new ManagerClosedException("the manager");
        }
        PagePair pair = pool.take(hpa);
        if (pair == null) {
            pair = takeFromNewChunk();
        }
        return pair != null ? pair : pages.takePair(hpa);
    }

    /** A thread that had to wait for another thread's chunk looks again: it holds pairs for 256 of them. */
    private PagePair takeFromNewChunk() {
        adopter.refuseReentry("a call that needs a 2M chunk from the host");
        growing.lock();
        try {
            PagePair pair = pool.takeFromChunks();
            while (pair == null && addChunk()) {
                pair = pool.takeFromChunks();
            }
            return pair;
        } finally {
            growing.unlock();
            if (pages.isClosed()) {
                pool.trim();
            }
        }
    }

    private boolean addChunk() {
        pool.chunkIsComing();
        try {
            long chunkHpa = pages.takeChunk();
            return chunkHpa != PageAllocator.NONE && addChunk(chunkHpa);
        } finally {
            pool.chunkHasCome();
        }
    }

    private boolean addChunk(long chunkHpa) {
        Adoption adoption = null;
        try {
            DonorChunk chunk = new DonorChunk(chunkHpa, adopter.prepare(chunkHpa));
            chunks.prepare(chunkHpa);
            adoption = adopter.adopt(chunk.transition);
            if (adoption == Adoption.ADOPTED) {
                pool.add(chunk);
            }
        } finally {
            if (adoption != Adoption.ADOPTED && adoption != Adoption.DONOR_ALREADY) {
                pages.giveChunkBack(chunkHpa);
            }
        }
        switch (adoption) {
            case ADOPTED -> {}
            case IN_USE -> pages.refuseChunk(chunkHpa, "lies in a region that is in use, and goes back");
            case DONOR_ALREADY -> pages.refuseChunk(chunkHpa, "was given before and has not come back");
        }
        return adoption == Adoption.ADOPTED;
    }

    @Override
    public void giveBack(PagePair pair) {
        pool.giveBack(pair);
    }
}
