package dev.pamt.lab.storm;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * A TD as the host sees it: the SEAMCALLs of its life, in the order in which KVM makes them.
 *
 * <p>A page is recorded when the module has it. One that the module refuses goes back at once, so what is recorded is what
 * has to be reclaimed.
 *
 * <p><b>Thread-safety:</b> each vCPU is driven by one thread at a time; those of different vCPUs may run at once. All
 * faults happen before the first vCPU is shut down.
 */
final class Td {
    /** No page: the first MiB is never RAM. */
    private static final long NO_PAGE = 0;

    private final StormPlan plan;
    private final int index;
    private final ControlPages control;
    private final PamtManager manager;
    private final TdSeamcalls module;
    private final PageAllocator allocator;
    private final long[] guestPages;
    private final PamtPageCache[] caches;
    private final PageList tdPages = new PageList();
    private final PageList[] vcpuPages;
    private final PageList[] septPages;
    private final boolean[] vcpuInitialised;
    private final CountDownLatch built = new CountDownLatch(1);
    private final CountDownLatch keyFreed = new CountDownLatch(1);
    private final AtomicInteger vcpusLeft;
    private volatile boolean runs;
    private volatile boolean reclaimable;

    Td(StormPlan plan, int index, ControlPages control, PamtManager manager, TdSeamcalls module) {
        this.plan = plan;
        this.index = index;
        this.control = control;
        this.manager = manager;
        this.module = module;
        allocator = module.allocator();
        guestPages = new long[Math.toIntExact(plan.memoryBytes() / StormPlan.PAGE_BYTES)];
        vcpuPages = new PageList[plan.vcpus()];
        septPages = new PageList[plan.vcpus()];
        for (int vcpu = 0; vcpu < plan.vcpus(); vcpu++) {
            vcpuPages[vcpu] = new PageList();
            septPages[vcpu] = new PageList();
        }
        vcpuInitialised = new boolean[plan.vcpus()];
        caches = new PamtPageCache[plan.vcpus()];
        vcpusLeft = new AtomicInteger(plan.vcpus());
    }

    int vcpus() {
        return plan.vcpus();
    }

    /** Faults the share of memory of a vCPU; the first one builds the TD before, and the others wait for that. */
    void boot(int vcpu, BooleanSupplier stop, LongConsumer progress) throws InterruptedException {
        SeamcallRegisters regs = new SeamcallRegisters();
        if (vcpu == 0) {
            try {
                build(regs);
                runs = true;
            } finally {
                built.countDown();
            }
        }
        built.await();
        if (!runs) {
            return;
        }
        caches[vcpu] = manager.newVcpuCache();
        for (int block : shareInTouchingOrder(vcpu)) {
            if (stop.getAsBoolean()) {
                return;
            }
            long gpa = block * StormPlan.BLOCK_BYTES;
            giveSeptPage(regs, vcpu, gpa, 1);
            faultBlock(regs, vcpu, block);
            progress.accept(StormPlan.PAGES_PER_BLOCK);
        }
    }

    private void build(SeamcallRegisters regs) {
        give(tdPages, page -> module.createTd(regs, page, index));
        for (int i = 0; i < control.tdcs(); i++) {
            give(tdPages, page -> module.addTdcx(regs, page, tdr()));
        }
        long scratch = allocGuestPage();
        try {
            module.initTd(regs, tdr(), plan.vcpus(), scratch);
        } finally {
            allocator.freePage(scratch);
        }
        for (int vcpu = 0; vcpu < plan.vcpus(); vcpu++) {
            buildVcpu(regs, vcpu);
        }
        addUpperSeptLevels(regs);
        module.finalizeTd(regs, tdr());
    }

    private void buildVcpu(SeamcallRegisters regs, int vcpu) {
        PageList pages = vcpuPages[vcpu];
        give(pages, page -> module.createVcpu(regs, page, tdr()));
        for (int i = 1; i < control.tdvps(); i++) {
            give(pages, page -> module.addVcpuPage(regs, page, pages.first()));
        }
        module.initVcpu(regs, pages.first(), vcpu);
        vcpuInitialised[vcpu] = true;
    }

    /** All Secure EPT pages but those that map 4K pages; these come with the faults. */
    private void addUpperSeptLevels(SeamcallRegisters regs) {
        for (int block = 0; block < plan.blocks(); block++) {
            for (int level = ControlPages.septPagesAt(block); level > 1; level--) {
                giveSeptPage(regs, 0, block * StormPlan.BLOCK_BYTES, level);
            }
        }
    }

    private void giveSeptPage(SeamcallRegisters regs, int vcpu, long gpa, int level) {
        give(septPages[vcpu], page -> module.addSeptPage(regs, vcpu, gpa, level, tdr(), page));
    }

    private void faultBlock(SeamcallRegisters regs, int vcpu, int block) {
        PamtPageCache cache = caches[vcpu];
        int first = block * StormPlan.PAGES_PER_BLOCK;
        for (int page = first; page < first + StormPlan.PAGES_PER_BLOCK; page++) {
            // Outside the lock of the MMU, where memory may be allocated.
            cache.topUp(PamtPageCache.FAULT_PAIRS);
            long hpa = allocGuestPage();
            // Inside it, where memory may not be allocated.
            fault(regs, vcpu, page * StormPlan.PAGE_BYTES, hpa, cache);
            guestPages[page] = hpa;
        }
    }

    private void fault(SeamcallRegisters regs, int vcpu, long gpa, long hpa, PamtPageCache cache) {
        boolean backed = false;
        boolean given = false;
        try {
            manager.get(hpa, cache);
            backed = true;
            module.addGuestPage(regs, vcpu, gpa, tdr(), hpa);
            given = true;
        } finally {
            if (backed && !given) {
                manager.put(hpa);
            }
            if (!given) {
                allocator.freePage(hpa);
            }
        }
    }

    /**
     * Takes back what a vCPU holds, and with the last one the TD; the first one frees the key before, and the others wait
     * for that. Guest memory is reclaimed by the neighbour of the vCPU that has faulted it: a thread that tears a TD down
     * is seldom the one that has filled it.
     */
    void shutDown(int vcpu, LongConsumer progress) throws InterruptedException {
        SeamcallRegisters regs = new SeamcallRegisters();
        if (caches[vcpu] != null) {
            caches[vcpu].close();
        }
        if (vcpu == 0) {
            try {
                freeKey(regs);
            } finally {
                keyFreed.countDown();
            }
        }
        keyFreed.await();
        if (!reclaimable) {
            return;
        }
        int share = (vcpu + 1) % plan.vcpus();
        for (int block = plan.firstBlock(share); block < plan.firstBlock(share + 1); block++) {
            reclaimBlock(regs, vcpu, block);
            progress.accept(StormPlan.PAGES_PER_BLOCK);
        }
        takeBack(regs, vcpu, septPages[share]);
        takeBack(regs, vcpu, vcpuPages[share]);
        if (vcpusLeft.decrementAndGet() == 0) {
            // Backwards: the TD root came first, and goes last.
            takeBack(regs, vcpu, tdPages);
        }
    }

    private void freeKey(SeamcallRegisters regs) {
        if (tdPages.isEmpty()) {
            return;
        }
        for (int vcpu = 0; vcpu < plan.vcpus(); vcpu++) {
            if (vcpuInitialised[vcpu]) {
                module.flushVcpu(regs, vcpuPages[vcpu].first(), vcpu);
            }
        }
        module.freeKey(regs, tdr());
        reclaimable = true;
    }

    private void reclaimBlock(SeamcallRegisters regs, int vcpu, int block) {
        int first = block * StormPlan.PAGES_PER_BLOCK;
        for (int page = first; page < first + StormPlan.PAGES_PER_BLOCK; page++) {
            if (guestPages[page] != NO_PAGE) {
                module.reclaim(regs, vcpu, guestPages[page]);
                manager.put(guestPages[page]);
                allocator.freePage(guestPages[page]);
            }
        }
    }

    private void takeBack(SeamcallRegisters regs, int vcpu, PageList pages) {
        while (!pages.isEmpty()) {
            long page = pages.removeLast();
            module.reclaim(regs, vcpu, page);
            manager.freePage(page);
        }
    }

    /** A SEAMCALL that gives the module a page. */
    private interface Giving {
        void give(long hpa);
    }

    private void give(PageList pages, Giving giving) {
        long page = manager.allocPage();
        boolean given = false;
        try {
            giving.give(page);
            given = true;
        } finally {
            if (!given) {
                manager.freePage(page);
            }
        }
        pages.add(page);
    }

    private long allocGuestPage() {
        long hpa = allocator.allocPage();
        if (hpa == PageAllocator.NONE) {
            throw new OutOfPagesException("guest memory of TD " + index);
        }
        return hpa;
    }

    private long tdr() {
        return tdPages.first();
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
