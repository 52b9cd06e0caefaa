package dev.pamt.impl.faults;

import dev.pamt.api.PageAllocator;
import dev.pamt.tck.PageAllocatorContractTest;

/** The allocator of the fault runs breaks no rule, as long as nothing is to fail. */
class BookkeepingAllocatorContractTest extends PageAllocatorContractTest {
    private static final long NONE_IN_USE = -1;

    @Override
    protected PageAllocator newAllocator() {
        FaultInjector noFaults = new FaultInjector((rax, regs) -> 0, null, 1);
        return new BookkeepingAllocator(noFaults, 1L << 32, 100, 3, NONE_IN_USE);
    }

    /** A scenario has one thread. */
    @Override
    protected boolean isThreadSafe() {
        return false;
    }
}
