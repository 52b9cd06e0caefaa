package dev.pamt.lab.storm;

import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.lab.host.Vcpu;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * A TD of a storm: each of its vCPUs faults a share of its memory, and later reclaims that of its neighbour.
 *
 * <p><b>Thread-safety:</b> each vCPU is driven by one thread at a time; those of different vCPUs may run at once. All
 * faults happen before the first vCPU is shut down.
 */
final class StormTd {
    private final StormPlan plan;
    private final int index;
    private final GuestMemory memory;
    private final Td td;
    private final CountDownLatch built = new CountDownLatch(1);
    private final CountDownLatch stopped = new CountDownLatch(1);
    private final AtomicInteger vcpusLeft;

    StormTd(StormPlan plan, int index, LabHost host) {
        this.plan = plan;
        this.index = index;
        memory = host.newMemory(plan.memoryBytes(), plan.backing());
        td = host.newTd(plan.vcpus(), memory);
        vcpusLeft = new AtomicInteger(plan.vcpus());
    }

    /** Faults the share of memory of a vCPU; the first one builds the TD before, and the others wait for that. */
    void boot(int vcpu, BooleanSupplier stop, LongConsumer progress) throws InterruptedException {
        if (vcpu == 0) {
            try {
                td.build(0);
            } finally {
                built.countDown();
            }
        }
        built.await();
        if (td.state() != Td.State.RUNNABLE) {
            return;
        }
        Vcpu mine = td.vcpus().get(vcpu);
        for (int block : shareInTouchingOrder(vcpu)) {
            if (stop.getAsBoolean()) {
                return;
            }
            long gpa = block * GuestMemory.BLOCK_BYTES;
            if (plan.guests()) {
                mine.guest().accept(gpa, GuestMemory.PAGES_PER_BLOCK, true);
            } else {
                faultBlock(mine, gpa);
            }
            progress.accept(GuestMemory.PAGES_PER_BLOCK);
        }
    }

    private void faultBlock(Vcpu vcpu, long gpa) {
        for (long at = gpa; at < gpa + GuestMemory.BLOCK_BYTES; at += GuestMemory.PAGE_BYTES) {
            Fault fault;
            do {
                fault = td.mmu().fault(vcpu, at, false);
            } while (fault == Fault.AGAIN);
        }
    }

    /**
     * Takes back what a vCPU holds, and with the last one the TD; the first one stops it before, and the others wait
     * for that. Guest memory is reclaimed by the neighbour of the vCPU that has faulted it: a thread that tears a TD down
     * is seldom the one that has filled it.
     */
    void shutDown(int vcpu, LongConsumer progress) throws InterruptedException {
        if (vcpu == 0) {
            try {
                td.stop();
            } finally {
                stopped.countDown();
            }
        }
        stopped.await();
        if (td.state() != Td.State.DEAD) {
            return;
        }
        Vcpu mine = td.vcpus().get(vcpu);
        int share = (vcpu + 1) % plan.vcpus();
        for (int block = plan.firstBlock(share); block < plan.firstBlock(share + 1); block++) {
            td.reclaim(mine, block, block + 1, true);
            progress.accept(GuestMemory.PAGES_PER_BLOCK);
        }
        if (vcpusLeft.decrementAndGet() == 0) {
            td.end();
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
