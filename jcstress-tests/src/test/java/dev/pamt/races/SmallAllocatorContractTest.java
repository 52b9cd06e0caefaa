package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import dev.pamt.tck.PageAllocatorContractTest;

/** The allocator of the races that close a manager breaks no rule itself. */
class SmallAllocatorContractTest extends PageAllocatorContractTest {
    private static final int FIRST_CHUNK = 5;

    @Override
    protected PageAllocator newAllocator() {
        SmallAllocator allocator = new SmallAllocator(new SmallModule());
        for (int region = FIRST_CHUNK; region < SmallHost.REGIONS; region++) {
            allocator.offerChunk(SmallHost.region(region));
        }
        return allocator;
    }
}
