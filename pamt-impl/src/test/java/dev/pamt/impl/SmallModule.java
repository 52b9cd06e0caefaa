package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * ADD and REMOVE of a few regions in as few steps as show a collision: for a model checker, to which the emulator with its
 * sparse memory is a hundred times as many.
 *
 * <p>An entry says whether the region has a pair and whether a call is inside; it is entered and left in two steps, and
 * a call that finds it entered is answered BUSY.
 */
final class SmallModule implements SeamcallProvider {
    private static final int PAIR = 1;
    private static final int EXCLUSIVE = 2;
    private static final int SHARER = 4;

    private final long firstHpa;
    private final AtomicInteger[] entries;
    private final AtomicLongArray pages0;
    private final AtomicLongArray pages1;
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    /** Run by a call that has entered the entry of its region. */
    volatile Runnable entered = () -> {};

    SmallModule(long firstHpa, int regions) {
        this.firstHpa = firstHpa;
        entries = new AtomicInteger[regions];
        for (int i = 0; i < regions; i++) {
            entries[i] = new AtomicInteger();
        }
        pages0 = new AtomicLongArray(regions);
        pages1 = new AtomicLongArray(regions);
    }

    boolean isBacked(long hpa) {
        return (entries[regionOf(hpa)].get() & PAIR) != 0;
    }

    int busyAnswers() {
        return busy.get();
    }

    int refusals() {
        return refused.get();
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        int region = regionOf(regs.rcx);
        AtomicInteger entry = entries[region];
        int found = entry.get();
        if (found > PAIR || !entry.compareAndSet(found, found | EXCLUSIVE)) {
            busy.incrementAndGet();
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        entered.run();
        long status =
                rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax() ? add(region, found, regs) : remove(region, found, regs);
        if (status != 0) {
            (TdxStatus.OPERAND_BUSY.matches(status) ? busy : refused).incrementAndGet();
        }
        entry.getAndAdd((status != 0 ? 0 : 1 - 2 * found) - EXCLUSIVE);
        return status;
    }

    /** What a DEMOTE does to the region's entry. */
    long demote(long hpa, long page0Hpa, long page1Hpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = hpa;
        regs.rdx = page0Hpa;
        regs.r8 = page1Hpa;
        return seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
    }

    /** What a PROMOTE does to the region's entry. */
    long promote(long hpa, SeamcallRegisters regs) {
        regs.rcx = hpa;
        long status = seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs);
        regs.r12 = regs.rdx;
        regs.r13 = regs.r8;
        return status;
    }

    private long add(int region, int found, SeamcallRegisters regs) {
        if (found == PAIR) {
            return TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
        }
        AtomicInteger donor = entries[regionOf(regs.rdx)];
        if (donor != entries[region]) {
            if ((donor.getAndAdd(SHARER) & EXCLUSIVE) != 0) {
                donor.getAndAdd(-SHARER);
                return TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX);
            }
            donor.getAndAdd(-SHARER);
        }
        pages0.set(region, regs.rdx);
        pages1.set(region, regs.r8);
        return 0;
    }

    private long remove(int region, int found, SeamcallRegisters regs) {
        if (found != PAIR) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        regs.rdx = pages0.get(region);
        regs.r8 = pages1.get(region);
        return 0;
    }

    private int regionOf(long hpa) {
        return (int) ((hpa - firstHpa) / PageAllocator.CHUNK_BYTES);
    }
}
