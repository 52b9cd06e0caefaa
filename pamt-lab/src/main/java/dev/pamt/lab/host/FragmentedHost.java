package dev.pamt.lab.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallPlatform;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A host that gives only some of its memory in 2M chunks, as one that has been up for a long time; single pages it gives as before.
 *
 * <p><b>Thread-safety:</b> as the host that it stands before.
 */
public final class FragmentedHost implements TdxHost {
    private final TdxHost host;
    private final Fragmented allocator;

    /**
     * Wraps a host.
     *
     * @param host the host
     * @param percent how much of its free memory is not given in chunks, 0 to 100
     */
    public FragmentedHost(TdxHost host, int percent) {
        this.host = host;
        long chunks = host.freePages() / GuestMemory.PAGES_PER_BLOCK;
        allocator = new Fragmented(host.allocator(), chunks * (100 - percent) / 100);
    }

    /** Gives chunks until a number of them is out. */
    private static final class Fragmented implements PageAllocator {
        private final PageAllocator allocator;
        private final AtomicLong chunksLeft;

        Fragmented(PageAllocator allocator, long chunks) {
            this.allocator = allocator;
            chunksLeft = new AtomicLong(chunks);
        }

        @Override
        public long allocPage() {
            return allocator.allocPage();
        }

        @Override
        public void freePage(long hpa) {
            allocator.freePage(hpa);
        }

        @Override
        public long allocChunk() {
            long before = chunksLeft.getAndUpdate(left -> Math.max(0, left - 1));
            long chunk = before == 0 ? NONE : allocator.allocChunk();
            if (before != 0 && chunk == NONE) {
                chunksLeft.getAndIncrement();
            }
            return chunk;
        }

        @Override
        public void freeChunk(long hpa) {
            allocator.freeChunk(hpa);
            chunksLeft.getAndIncrement();
        }
    }

    @Override
    public PageAllocator allocator() {
        return allocator;
    }

    @Override
    public SeamcallPlatform platform() {
        return host.platform();
    }

    @Override
    public MemoryMap memory() {
        return host.memory();
    }

    @Override
    public boolean dynamicPamt() {
        return host.dynamicPamt();
    }

    @Override
    public int pamt4KEntryBytes() {
        return host.pamt4KEntryBytes();
    }

    @Override
    public List<Tdmr> tdmrs() {
        return host.tdmrs();
    }

    @Override
    public long freePages() {
        return host.freePages();
    }

    @Override
    public void close() {
        host.close();
    }

    @Override
    public String toString() {
        return "fragmented " + host;
    }
}
