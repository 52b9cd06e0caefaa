package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** What an allocator does that knows pages alone. */
class PageAllocatorTest {
    private final PageAllocator pages = new PageAllocator() {
        @Override
        public long allocPage() {
            return 0x1000;
        }

        @Override
        public void freePage(long hpa) {}
    };

    @Test
    void itHasNoChunks() {
        assertEquals(PageAllocator.NONE, pages.allocChunk());
        assertEquals(-1, PageAllocator.NONE, "no address");
    }

    @Test
    void noChunkCanComeBack() {
        UnsupportedOperationException refused =
                assertThrows(UnsupportedOperationException.class, () -> pages.freeChunk(0x20_0000));
        assertEquals("this allocator gives no 2M chunks, so none can come back", refused.getMessage());
    }

    @Test
    void aChunkIs512Pages() {
        assertEquals(4096, PageAllocator.PAGE_BYTES);
        assertEquals(512 * PageAllocator.PAGE_BYTES, PageAllocator.CHUNK_BYTES);
    }
}
