package dev.pamt.lab.storm;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * A TD as the host sees it: the pages that it gives to the TD, in the order in which KVM does it.
 *
 * <p><b>Thread-safety:</b> each vCPU is driven by one thread at a time; those of different vCPUs may run at once. All
 * faults happen before the first vCPU is shut down.
 */
final class Td {
    /** No page: the first MiB is never RAM. */
    private static final long NO_PAGE = 0;

    private final StormPlan plan;
    private final int index;
    private final PamtManager manager;
    private final PageAllocator allocator;
    private final long[] guestPages;
    private final long[] septPages;
    private final long[] tdPages;
    private final long[][] vcpuPages;
    private final PamtPageCache[] caches;
    private final AtomicInteger septPagesTaken = new AtomicInteger();
    private final AtomicInteger vcpusLeft;

    Td(StormPlan plan, int index, ControlPages control, PamtManager manager) {
        this.plan = plan;
        this.index = index;
        this.manager = manager;
        allocator = manager.host().allocator();
        guestPages = new long[Math.toIntExact(plan.memoryBytes() / StormPlan.PAGE_BYTES)];
        septPages = new long[ControlPages.septPages(plan.blocks())];
        tdPages = new long[control.tdr() + control.tdcs()];
        vcpuPages = new long[plan.vcpus()][control.tdvps()];
        caches = new PamtPageCache[plan.vcpus()];
        vcpusLeft = new AtomicInteger(plan.vcpus());
    }

    int vcpus() {
        return plan.vcpus();
    }

    /** Creates a vCPU, and with the first one the TD, and faults the vCPU's share of memory. */
    void boot(int vcpu, BooleanSupplier stop, LongConsumer progress) {
        if (vcpu == 0) {
            allocControlPages(tdPages);
        }
        allocControlPages(vcpuPages[vcpu]);
        caches[vcpu] = manager.newVcpuCache();
        for (int block : shareInTouchingOrder(vcpu)) {
            if (stop.getAsBoolean()) {
                return;
            }
            for (int level = ControlPages.septPagesAt(block); level > 0; level--) {
                septPages[septPagesTaken.getAndIncrement()] = manager.allocPage();
            }
            faultBlock(block, caches[vcpu]);
            progress.accept(StormPlan.PAGES_PER_BLOCK);
        }
    }

    private void faultBlock(int block, PamtPageCache cache) {
        int first = block * StormPlan.PAGES_PER_BLOCK;
        for (int page = first; page < first + StormPlan.PAGES_PER_BLOCK; page++) {
            // Outside the lock of the MMU, where memory may be allocated.
            cache.topUp(PamtPageCache.FAULT_PAIRS);
            long hpa = allocator.allocPage();
            if (hpa == PageAllocator.NONE) {
                throw new OutOfPagesException("guest memory of TD " + index);
            }
            // Inside it, where memory may not be allocated.
            try {
                manager.get(hpa, cache);
            } catch (RuntimeException e) {
                allocator.freePage(hpa);
                throw e;
            }
            guestPages[page] = hpa;
        }
    }

    /**
     * Frees what a vCPU holds, and with the last one the TD. Guest memory is freed by the neighbour of the vCPU that has
     * faulted it: a thread that tears a TD down is seldom the one that has filled it.
     */
    void shutDown(int vcpu, LongConsumer progress) {
        if (caches[vcpu] != null) {
            caches[vcpu].close();
        }
        int share = (vcpu + 1) % plan.vcpus();
        for (int block = plan.firstBlock(share); block < plan.firstBlock(share + 1); block++) {
            freeBlock(block);
            progress.accept(StormPlan.PAGES_PER_BLOCK);
        }
        freeControlPages(vcpuPages[vcpu]);
        if (vcpusLeft.decrementAndGet() == 0) {
            freeControlPages(septPages);
            freeControlPages(tdPages);
        }
    }

    private void freeBlock(int block) {
        int first = block * StormPlan.PAGES_PER_BLOCK;
        for (int page = first; page < first + StormPlan.PAGES_PER_BLOCK; page++) {
            if (guestPages[page] != NO_PAGE) {
                manager.put(guestPages[page]);
                allocator.freePage(guestPages[page]);
            }
        }
    }

    private void allocControlPages(long[] pages) {
        for (int i = 0; i < pages.length; i++) {
            pages[i] = manager.allocPage();
        }
    }

    private void freeControlPages(long[] pages) {
        for (int i = pages.length - 1; i >= 0; i--) {
            if (pages[i] != NO_PAGE) {
                manager.freePage(pages[i]);
            }
        }
    }

    /** The blocks of a vCPU's share, shuffled: a guest does not touch its memory from the bottom up. */
    private int[] shareInTouchingOrder(int vcpu) {
        int first = plan.firstBlock(vcpu);
        int[] blocks = new int[plan.firstBlock(vcpu + 1) - first];
        SplittableRandom random = new SplittableRandom(plan.seed() + (long) index * plan.vcpus() + vcpu);
        for (int i = 0; i < blocks.length; i++) {
            int other = random.nextInt(i + 1);
            blocks[i] = blocks[other];
            blocks[other] = first + i;
        }
        return blocks;
    }
}
