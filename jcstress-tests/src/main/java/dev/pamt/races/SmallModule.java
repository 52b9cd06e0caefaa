package dev.pamt.races;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * ADD, REMOVE, DEMOTE and PROMOTE of the few regions of a {@link SmallHost}: cheap enough that each state has a module of its
 * own. It answers as the real one does where races show: BUSY to the second of two calls for one entry, errors for a region
 * that has a pair or has none, and for a pair that another region holds.
 */
final class SmallModule implements SeamcallProvider {
    private static final int PAIR = 1;
    private static final int EXCLUSIVE = 2;
    private static final int SHARER = 4;
    /** What is noted of a region without a pair; no page has this address. */
    private static final long NO_PAGE = -1;

    private final AtomicIntegerArray entries = new AtomicIntegerArray(SmallHost.REGIONS);
    private final AtomicLongArray pages0 = new AtomicLongArray(SmallHost.REGIONS);
    private final AtomicLongArray pages1 = new AtomicLongArray(SmallHost.REGIONS);
    private final AtomicBoolean refuseNextPair = new AtomicBoolean();
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();
    private final AtomicInteger doubled = new AtomicInteger();

    SmallModule() {
        for (int region = 0; region < SmallHost.REGIONS; region++) {
            pages0.set(region, NO_PAGE);
            pages1.set(region, NO_PAGE);
        }
    }

    /** Finds fault with the first page of the next pair that it is given. */
    void refuseNextPair() {
        refuseNextPair.set(true);
    }

    boolean isBacked(long hpa) {
        return (entries.get(SmallHost.regionOf(hpa)) & PAIR) != 0;
    }

    /** Regions with a pair. */
    int pairs() {
        int pairs = 0;
        for (int region = 0; region < SmallHost.REGIONS; region++) {
            pairs += entries.get(region) & PAIR;
        }
        return pairs;
    }

    /** Whether a page from a range is part of an installed pair. */
    boolean holdsAnyOf(long hpa, long bytes) {
        boolean held = false;
        for (int region = 0; region < SmallHost.REGIONS; region++) {
            long offset0 = pages0.get(region) - hpa;
            long offset1 = pages1.get(region) - hpa;
            held |= (offset0 >= 0 && offset0 < bytes) || (offset1 >= 0 && offset1 < bytes);
        }
        return held;
    }

    /** What went wrong on the way, or null. */
    String complaint() {
        if (doubled.get() > 0) {
            return "a pair in two hands";
        }
        if (busy.get() > 0) {
            return "the module was busy";
        }
        return refused.get() > 0 ? "the module has refused" : null;
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            return refuseNextPair.compareAndSet(true, false)
                    ? TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX)
                    : install(regs.rcx, regs.rdx, regs.r8, TdxOperand.RDX);
        }
        long[] pair = new long[2];
        long status = takeOut(regs.rcx, pair);
        if (status == 0) {
            regs.rdx = pair[0];
            regs.r8 = pair[1];
        }
        return status;
    }

    /** What a DEMOTE does to the region's entry. */
    long demote(long hpa, long page0Hpa, long page1Hpa) {
        return install(hpa, page0Hpa, page1Hpa, TdxOperand.R12);
    }

    /** What a PROMOTE does to the region's entry. */
    long promote(long hpa, SeamcallRegisters regs) {
        long[] pair = new long[2];
        long status = takeOut(hpa, pair);
        if (status == 0) {
            regs.r12 = pair[0];
            regs.r13 = pair[1];
        }
        return status;
    }

    private long install(long hpa, long page0Hpa, long page1Hpa, TdxOperand operand) {
        int region = SmallHost.regionOf(hpa);
        int found = entries.get(region);
        if (!enter(region, found)) {
            return busy(TdxOperand.RCX);
        }
        long status = found == PAIR
                ? refuse(TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX))
                : donate(region, page0Hpa, page1Hpa, operand);
        leave(region, status == 0 ? PAIR : found);
        return status;
    }

    private long donate(int region, long page0Hpa, long page1Hpa, TdxOperand operand) {
        int donor = SmallHost.regionOf(page0Hpa);
        if (donor != region) {
            boolean entered = (entries.getAndAdd(donor, SHARER) & EXCLUSIVE) == 0;
            entries.getAndAdd(donor, -SHARER);
            if (!entered) {
                return busy(operand);
            }
        }
        // Of two calls with the same pair, the one that looks later sees the other.
        pages0.set(region, page0Hpa);
        pages1.set(region, page1Hpa);
        for (int other = 0; other < SmallHost.REGIONS; other++) {
            if (other != region && (pages0.get(other) == page0Hpa || pages1.get(other) == page1Hpa)) {
                doubled.incrementAndGet();
                pages0.set(region, NO_PAGE);
                pages1.set(region, NO_PAGE);
                return TdxStatus.PAGE_NOT_FREE.with(operand);
            }
        }
        return 0;
    }

    private long takeOut(long hpa, long[] pair) {
        int region = SmallHost.regionOf(hpa);
        int found = entries.get(region);
        if (!enter(region, found)) {
            return busy(TdxOperand.RCX);
        }
        if (found != PAIR) {
            leave(region, found);
            return refuse(TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX));
        }
        pair[0] = pages0.getAndSet(region, NO_PAGE);
        pair[1] = pages1.getAndSet(region, NO_PAGE);
        leave(region, 0);
        return 0;
    }

    private boolean enter(int region, int found) {
        return found <= PAIR && entries.compareAndSet(region, found, found | EXCLUSIVE);
    }

    /** Leaves an entry with a pair or without; sharers that were turned away meanwhile still have to take themselves out. */
    private void leave(int region, int now) {
        int seen = entries.get(region);
        while (!entries.compareAndSet(region, seen, (seen & -SHARER) | now)) {
            seen = entries.get(region);
        }
    }

    private long busy(TdxOperand operand) {
        busy.incrementAndGet();
        return TdxStatus.OPERAND_BUSY.with(operand);
    }

    private long refuse(long status) {
        refused.incrementAndGet();
        return status;
    }
}
