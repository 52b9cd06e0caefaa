package dev.pamt.api;

/**
 * The host's page allocator: where page pairs and the pages of {@link PamtManager#allocPage} come from.
 *
 * <p>Every page has one owner at any time: the allocator, a cache, the module or a user. A page that the allocator hands
 * out belongs to the caller until it is given back, once. Pages given back have been scrubbed by the manager where the
 * module has written to them.
 *
 * <p>Rules for an allocator. Each has tests of its name in {@code PageAllocatorContractTest} of the module {@code pamt-tck}, which a
 * user extends with one method:
 *
 * <ul>
 *   <li><b>PA-1</b> A page is a multiple of 4096 within 52 bits.
 *   <li><b>PA-2</b> A chunk is a multiple of 2 MiB within 52 bits, and all of its 512 pages are the caller's.
 *   <li><b>PA-3</b> A page that is out is not handed out again: not twice, and not both by itself and in a chunk.
 *   <li><b>PA-4</b> What was handed out is taken back, in any order, and can be had again.
 *   <li><b>PA-5</b> Without memory the answer is {@link #NONE} and no exception, until some comes back.
 *   <li><b>PA-6</b> All this holds for any number of threads at once.
 *   <li><b>PA-7</b> Nothing is half done: a call that returns {@link #NONE} or throws has changed nothing.
 * </ul>
 *
 * <p><b>Thread-safety:</b> any number of threads at once. <b>Progress:</b> a call may block (it stands for an allocator
 * that may sleep); the manager never calls it while it holds the lock of a region.
 */
public interface PageAllocator {
    /** What {@link #allocPage} and {@link #allocChunk} return when there is no memory. */
    long NONE = -1L;

    /** Bytes of a page. */
    long PAGE_BYTES = 1L << 12;

    /** Bytes of a chunk. */
    long CHUNK_BYTES = 1L << 21;

    /**
     * Takes a 4K page.
     *
     * @return the hpa of the page, a multiple of 4096, or {@link #NONE}
     */
    long allocPage();

    /**
     * Gives a 4K page back.
     *
     * @param hpa the page
     */
    void freePage(long hpa);

    /**
     * Takes a 2M chunk: 512 pages of one region, all of them.
     *
     * <p>The manager cuts page pairs from chunks, because a region that is nothing but donated pages is never itself the
     * target of an ADD or REMOVE, so no lock finer than a global one can collide there. An allocator that cannot give
     * chunks leaves this as it is, and the manager then locks the donated pages' regions as well.
     *
     * @return the hpa of the chunk, a multiple of 2 MiB, or {@link #NONE}
     */
    default long allocChunk() {
        return NONE;
    }

    /**
     * Gives a chunk back.
     *
     * @param hpa a chunk that {@link #allocChunk} has given
     */
    default void freeChunk(long hpa) {
        throw new UnsupportedOperationException("this allocator gives no 2M chunks, so none can come back");
    }
}
