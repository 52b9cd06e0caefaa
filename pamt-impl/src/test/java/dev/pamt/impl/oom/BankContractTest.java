package dev.pamt.impl.oom;

import dev.pamt.api.PageAllocator;
import dev.pamt.tck.PageAllocatorContractTest;

/** The allocator that knows what is out breaks no rule itself. */
class BankContractTest extends PageAllocatorContractTest {
    @Override
    protected PageAllocator newAllocator() {
        return new Bank(new Bank.Stock(1L << 32, 3, 100), hpa -> false, new Findings("contract"));
    }
}
