package dev.pamt.impl.host;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.tck.PageAllocatorContractTest;
import java.util.List;
import org.junit.jupiter.api.Nested;

/** The host's allocator does what every page allocator must do, whatever memory it has. */
class PageAllocatorsContractTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    @Nested
    class WholeRegionsTest extends PageAllocatorContractTest {
        @Override
        protected PageAllocator newAllocator() {
            return new HostPageAllocator(List.of(PhysicalRange.between(4 * GIB, 4 * GIB + 8 * MIB)));
        }
    }

    /** Regions in part at both ends, a hole in the middle of one, and the end of 52 bits. */
    @Nested
    class RaggedMemoryTest extends PageAllocatorContractTest {
        @Override
        protected PageAllocator newAllocator() {
            return new HostPageAllocator(List.of(
                    PhysicalRange.between(MIB, 5 * MIB),
                    PhysicalRange.between(5 * MIB + 4 * PageAllocator.PAGE_BYTES, 8 * MIB + PageAllocator.PAGE_BYTES),
                    PhysicalRange.between((1L << 52) - 4 * MIB, 1L << 52)));
        }
    }

    @Nested
    class WithoutChunksTest extends PageAllocatorContractTest {
        @Override
        protected PageAllocator newAllocator() {
            return new HostPageAllocator(List.of(PhysicalRange.between(GIB, GIB + 4 * MIB)), false);
        }
    }
}
