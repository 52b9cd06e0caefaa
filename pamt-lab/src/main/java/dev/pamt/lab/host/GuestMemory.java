package dev.pamt.lab.host;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The private memory of a guest, as guest_memfd has it: which page of the host each guest page is, and which guest pages are shared
 * instead. It does not belong to a TD: a TD maps it, ends, and another TD may map the same pages.
 *
 * <p>A page is taken from the host when it is first populated. Memory that is backed by chunks falls back to single pages where the
 * host has no chunk left, as transparent huge pages do; memory of 1G does not, as hugetlb does not.
 *
 * <p><b>Thread-safety:</b> any number of threads may populate at once, and punch holes beside that: who has populated a page looks again
 * under the lock of the MMU whether it is still there.
 */
public final class GuestMemory implements AutoCloseable {
    /** No page. */
    public static final long NONE = -1;

    /** Bytes of a 4K page. */
    public static final long PAGE_BYTES = PageAllocator.PAGE_BYTES;

    /** Pages of a 2M block. */
    public static final int PAGES_PER_BLOCK = 512;

    /** Bytes of a block: what one Secure EPT page of the lowest level maps. */
    public static final long BLOCK_BYTES = PAGE_BYTES * PAGES_PER_BLOCK;

    private static final int BLOCKS_PER_GIGABYTE = 512;

    private static final VarHandle PAGE = MethodHandles.arrayElementVarHandle(int[].class);
    private static final VarHandle BLOCK = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle PAGES_OF_BLOCK = MethodHandles.arrayElementVarHandle(int[][].class);
    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(long[].class);

    /** What a block is backed by, until it is known; then the address of its chunk, or SINGLE_PAGES. */
    private static final long UNDECIDED = -2;

    private static final long SINGLE_PAGES = NONE;
    private static final int NO_PAGE = 0;
    /** The block was punched while another thread looked for its page. */
    private static final int PUNCHED = -1;

    private static final int LOCKS = 64;

    /** What guest memory is made of. */
    public enum Backing {
        /** Single pages, wherever the host has them. */
        PAGES_4K,
        /** A 2M chunk for each block. */
        CHUNKS_2M,
        /** 512 chunks for each gigabyte, taken at once. */
        CHUNKS_1G
    }

    private final RamPages ram;
    private final PageAllocator allocator;
    private final PamtPolicy policy;
    private final Backing backing;
    private final int blocks;
    private final long[] chunks;
    /** For blocks of single pages, the page number plus 1 of each page. */
    private final int[][] pages;
    /** A bit for each page that is shared. */
    private final long[] shared;

    private final ReentrantLock[] locks = new ReentrantLock[LOCKS];
    private final AtomicLong lost = new AtomicLong();
    /** Blocks whose chunk does not go back. */
    private final Set<Integer> lostChunks = ConcurrentHashMap.newKeySet();

    GuestMemory(RamPages ram, PageAllocator allocator, PamtPolicy policy, long bytes, Backing backing) {
        this.ram = ram;
        this.allocator = allocator;
        this.policy = policy;
        this.backing = backing;
        blocks = Math.toIntExact(bytes / BLOCK_BYTES);
        chunks = new long[blocks];
        Arrays.fill(chunks, UNDECIDED);
        pages = new int[blocks][];
        shared = new long[blocks * (PAGES_PER_BLOCK / Long.SIZE)];
        Arrays.setAll(locks, index -> new ReentrantLock());
    }

    /**
     * How many 2M blocks there are.
     *
     * @return blocks
     */
    public int blocks() {
        return blocks;
    }

    /**
     * Returns the page of a guest address, and takes one from the host if there is none yet.
     *
     * @param gpa a guest address
     * @return the page
     * @throws OutOfPagesException if the host has no more
     */
    public long populate(long gpa) {
        int block = blockOf(gpa);
        long hpa = NONE;
        while (hpa == NONE) {
            long chunk = (long) BLOCK.getVolatile(chunks, block);
            if (chunk == UNDECIDED) {
                chunk = decide(block);
            }
            if (chunk >= 0) {
                return chunk + (gpa & (BLOCK_BYTES - 1) & -PAGE_BYTES);
            }
            int[] numbers = (int[]) PAGES_OF_BLOCK.getVolatile(pages, block);
            if (numbers != null) {
                int number = (int) PAGE.getVolatile(numbers, indexOf(gpa));
                hpa = number > NO_PAGE ? ram.hpa(number - 1) : populate(numbers, indexOf(gpa));
            }
        }
        return hpa;
    }

    /** Takes a page for an entry; none if the block was punched meanwhile. */
    private long populate(int[] numbers, int index) {
        long hpa = allocator.allocPage();
        if (hpa == PageAllocator.NONE) {
            throw new OutOfPagesException("guest memory");
        }
        boolean kept = false;
        try {
            policy.onPopulate(hpa, 1);
            kept = PAGE.compareAndSet(numbers, index, NO_PAGE, ram.number(hpa) + 1);
            if (!kept) {
                policy.onDepopulate(hpa, 1);
            }
        } finally {
            if (!kept) {
                allocator.freePage(hpa);
            }
        }
        // Another vCPU may have been faster.
        int number = (int) PAGE.getVolatile(numbers, index);
        return number > NO_PAGE ? ram.hpa(number - 1) : NONE;
    }

    private long decide(int block) {
        ReentrantLock lock = lockOf(block);
        lock.lock();
        try {
            if (chunks[block] == UNDECIDED) {
                switch (backing) {
                    case PAGES_4K -> useSinglePages(block);
                    case CHUNKS_2M -> {
                        if (!takeChunk(block)) {
                            useSinglePages(block);
                        }
                    }
                    case CHUNKS_1G -> takeGigabyte(block);
                }
            }
            return chunks[block];
        } finally {
            lock.unlock();
        }
    }

    private ReentrantLock lockOf(int block) {
        return locks[(backing == Backing.CHUNKS_1G ? block / BLOCKS_PER_GIGABYTE : block) % LOCKS];
    }

    private void useSinglePages(int block) {
        PAGES_OF_BLOCK.setVolatile(pages, block, new int[PAGES_PER_BLOCK]);
        BLOCK.setVolatile(chunks, block, SINGLE_PAGES);
    }

    private boolean takeChunk(int block) {
        long chunk = allocator.allocChunk();
        if (chunk == PageAllocator.NONE) {
            return false;
        }
        boolean kept = false;
        try {
            policy.onPopulate(chunk, PAGES_PER_BLOCK);
            kept = true;
        } finally {
            if (!kept) {
                allocator.freeChunk(chunk);
            }
        }
        BLOCK.setVolatile(chunks, block, chunk);
        return true;
    }

    /** Takes the chunks of the gigabyte that a block lies in; those that were taken stay if there are not enough. */
    private void takeGigabyte(int block) {
        int first = block / BLOCKS_PER_GIGABYTE * BLOCKS_PER_GIGABYTE;
        for (int other = first; other < Math.min(blocks, first + BLOCKS_PER_GIGABYTE); other++) {
            if (chunks[other] == UNDECIDED && !takeChunk(other)) {
                throw new OutOfPagesException("1G of guest memory in 2M chunks");
            }
        }
    }

    /**
     * Returns the page of a guest address.
     *
     * @param gpa a guest address
     * @return the page, or {@link #NONE}
     */
    public long pageAt(long gpa) {
        int block = blockOf(gpa);
        long chunk = (long) BLOCK.getVolatile(chunks, block);
        if (chunk >= 0) {
            return chunk + (gpa & (BLOCK_BYTES - 1) & -PAGE_BYTES);
        }
        int[] numbers = (int[]) PAGES_OF_BLOCK.getVolatile(pages, block);
        int number = numbers == null ? NO_PAGE : (int) PAGE.getVolatile(numbers, indexOf(gpa));
        return number > NO_PAGE ? ram.hpa(number - 1) : NONE;
    }

    /**
     * Returns the chunk of a block.
     *
     * @param block the number of the block
     * @return the chunk, or {@link #NONE} if the block is not made of one
     */
    public long chunkAt(int block) {
        long chunk = (long) BLOCK.getVolatile(chunks, block);
        return chunk >= 0 ? chunk : NONE;
    }

    /**
     * Gives the pages of a block back to the host. None of them may be mapped.
     *
     * @param block the number of the block
     */
    public void punchHole(int block) {
        ReentrantLock lock = lockOf(block);
        lock.lock();
        try {
            long chunk = (long) BLOCK.getAndSet(chunks, block, UNDECIDED);
            int[] numbers = (int[]) PAGES_OF_BLOCK.getAndSet(pages, block, null);
            if (chunk >= 0 && !lostChunks.remove(block)) {
                policy.onDepopulate(chunk, PAGES_PER_BLOCK);
                allocator.freeChunk(chunk);
            }
            for (int index = 0; numbers != null && index < PAGES_PER_BLOCK; index++) {
                // So that no thread puts a page there that still has the array.
                int number = (int) PAGE.getAndSet(numbers, index, PUNCHED);
                if (number != NO_PAGE) {
                    free(ram.hpa(number - 1));
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void free(long hpa) {
        policy.onDepopulate(hpa, 1);
        allocator.freePage(hpa);
    }

    /**
     * Gives up what the module still has at a guest address: the page, or the whole chunk that it lies in, whose other pages are still
     * to be reclaimed. It never goes back to the host.
     */
    void lose(long gpa) {
        int block = blockOf(gpa);
        if (chunks[block] >= 0) {
            if (lostChunks.add(block)) {
                lost.addAndGet(PAGES_PER_BLOCK);
            }
        } else if (pages[block] != null && pages[block][indexOf(gpa)] > NO_PAGE) {
            lost.incrementAndGet();
            pages[block][indexOf(gpa)] = NO_PAGE;
        }
    }

    /**
     * The pages that were given up because the module still had them.
     *
     * @return 4K pages
     */
    public long lostPages() {
        return lost.get();
    }

    /**
     * Whether a page is shared with the host, and so not in the TD's private memory.
     *
     * @param gpa a guest address
     * @return true if it is shared
     */
    public boolean isShared(long gpa) {
        long page = gpa / PAGE_BYTES;
        return ((long) BITS.getVolatile(shared, (int) (page >>> 6)) & 1L << page) != 0;
    }

    /** Makes pages shared or private. */
    void setShared(long gpa, int count, boolean toShared) {
        for (long page = gpa / PAGE_BYTES; page < gpa / PAGE_BYTES + count; page++) {
            long bit = 1L << page;
            if (toShared) {
                BITS.getAndBitwiseOr(shared, (int) (page >>> 6), bit);
            } else {
                BITS.getAndBitwiseAnd(shared, (int) (page >>> 6), ~bit);
            }
        }
    }

    /** Gives all pages back to the host that are not lost. */
    @Override
    public void close() {
        for (int block = 0; block < blocks; block++) {
            punchHole(block);
        }
    }

    static int blockOf(long gpa) {
        return (int) (gpa / BLOCK_BYTES);
    }

    static int indexOf(long gpa) {
        return (int) (gpa / PAGE_BYTES) & (PAGES_PER_BLOCK - 1);
    }
}
