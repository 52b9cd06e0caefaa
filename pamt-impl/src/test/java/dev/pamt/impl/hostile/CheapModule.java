package dev.pamt.impl.hostile;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/** An honest module that costs next to nothing, for many regions; its REMOVEs are refused for as long as it is told to. */
final class CheapModule implements SeamcallProvider {
    private final long firstHpa;
    private final AtomicReferenceArray<Pair> pairs;
    private final LongAdder removes = new LongAdder();
    private volatile int refusesOneIn;

    CheapModule(long firstHpa, int regions) {
        this.firstHpa = firstHpa;
        pairs = new AtomicReferenceArray<>(regions);
    }

    /** Refuses one REMOVE in so many; 0 for none. */
    void refuseRemoves(int oneIn) {
        refusesOneIn = oneIn;
    }

    long removes() {
        return removes.sum();
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        int region = (int) ((regs.rcx - firstHpa) / PageAllocator.CHUNK_BYTES);
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            return pairs.compareAndSet(region, null, new Pair(regs.rdx, regs.r8))
                    ? 0
                    : TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
        }
        removes.increment();
        if (Chance.oneIn(refusesOneIn)) {
            return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        }
        Pair pair = pairs.getAndSet(region, null);
        if (pair == null) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        regs.rdx = pair.page0Hpa();
        regs.r8 = pair.page1Hpa();
        return 0;
    }
}
