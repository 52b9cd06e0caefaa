package dev.pamt.races.exhibits;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * One 2M region as the module keeps it: the lock of its PAMT_2M entry, whether it has a page pair, and one 4K page.
 *
 * <p>Small enough for a model checker, and true to the module (1.5.25) where races are decided: every lock is one attempt
 * and is answered BUSY, an exclusive holder is a sharer that was promoted, so two of them can turn each other away; a page
 * is given up in two steps, its entry first and the region's count of pages after it.
 */
public final class ModelRegion {
    /** What the module answers. */
    public enum Status {
        SUCCESS,
        OPERAND_BUSY,
        HPA_RANGE_NOT_FREE,
        NO_PAMT_PAGE_PAIR,
        PAMT_PAGE_NOT_EMPTY,
        PAGE_NOT_FREE,
        MISSING_PAMT_PAGE_PAIR,
        PAGE_METADATA_INCORRECT,
        /** The module has halted: REMOVE found no page in use but a count that is not zero. */
        FATAL_343
    }

    private static final int EXCLUSIVE = 1;
    private static final int SHARER = 2;

    /** Sharers times two, plus one if held exclusively. */
    private final AtomicInteger entry = new AtomicInteger();

    private final AtomicInteger pageInUse = new AtomicInteger();
    private final AtomicInteger pageCount = new AtomicInteger();
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicInteger refusedAdds = new AtomicInteger();
    private final AtomicInteger refusedRemoves = new AtomicInteger();
    private volatile boolean pair;
    private volatile boolean halted;

    /** TDH.PHYMEM.PAMT.ADD, with donated pages of another region. */
    public Status add(ModelRegion donor) {
        if (!acquireExclusive()) {
            return busy();
        }
        try {
            if (pair) {
                return Status.HPA_RANGE_NOT_FREE;
            }
            if (!donor.acquireShared()) {
                return busy();
            }
            try {
                if (refusedAdds.get() > 0) {
                    refusedAdds.decrementAndGet();
                    return Status.PAGE_NOT_FREE;
                }
                pair = true;
                return Status.SUCCESS;
            } finally {
                donor.releaseShared();
            }
        } finally {
            releaseExclusive();
        }
    }

    /** TDH.PHYMEM.PAMT.REMOVE. */
    public Status remove() {
        if (!acquireExclusive()) {
            return busy();
        }
        try {
            if (!pair) {
                return Status.NO_PAMT_PAGE_PAIR;
            }
            if (refusedRemoves.get() > 0) {
                refusedRemoves.decrementAndGet();
                return Status.PAMT_PAGE_NOT_EMPTY;
            }
            if (pageInUse.get() > 0) {
                return Status.PAMT_PAGE_NOT_EMPTY;
            }
            if (pageCount.get() > 0) {
                halted = true;
                return Status.FATAL_343;
            }
            pair = false;
            return Status.SUCCESS;
        } finally {
            releaseExclusive();
        }
    }

    /** TDH.MEM.PAGE.AUG of a 4K page of the region; pages are not told apart. */
    public Status aug() {
        if (!acquireShared()) {
            return busy();
        }
        try {
            if (!pair) {
                return Status.MISSING_PAMT_PAGE_PAIR;
            }
            pageCount.incrementAndGet();
            pageInUse.incrementAndGet();
            return Status.SUCCESS;
        } finally {
            releaseShared();
        }
    }

    /**
     * TDH.MEM.PAGE.REMOVE of such a page, which takes no lock of the region.
     *
     * @return the hint that it was the last one
     */
    public boolean pageRemove() {
        pageInUse.decrementAndGet();
        return pageCount.decrementAndGet() == 0;
    }

    /** TDH.MEM.PAGE.AUG of the whole region as one 2M page. */
    public Status aug2M() {
        if (!acquireExclusive()) {
            return busy();
        }
        try {
            return pair ? Status.PAGE_METADATA_INCORRECT : Status.SUCCESS;
        } finally {
            releaseExclusive();
        }
    }

    /** What a call does that only walks through the region: PAGE.RDMD, or DEMOTE of another one with pages from here. */
    public Status walk() {
        if (!acquireShared()) {
            return busy();
        }
        releaseShared();
        return Status.SUCCESS;
    }

    /** Makes the next ADD fail. */
    public void refuseNextAdd() {
        refusedAdds.incrementAndGet();
    }

    /** Makes the next REMOVE fail. */
    public void refuseNextRemove() {
        refusedRemoves.incrementAndGet();
    }

    public boolean isBacked() {
        return pair;
    }

    public boolean hasHalted() {
        return halted;
    }

    /** How often a call was answered BUSY on account of this region being the target. */
    public int busyAnswers() {
        return busy.get();
    }

    private Status busy() {
        busy.incrementAndGet();
        return Status.OPERAND_BUSY;
    }

    private boolean acquireShared() {
        if ((entry.getAndAdd(SHARER) & EXCLUSIVE) == 0) {
            return true;
        }
        entry.getAndAdd(-SHARER);
        return false;
    }

    private void releaseShared() {
        entry.getAndAdd(-SHARER);
    }

    private boolean acquireExclusive() {
        if (!acquireShared()) {
            return false;
        }
        if (entry.compareAndSet(SHARER, EXCLUSIVE)) {
            return true;
        }
        releaseShared();
        return false;
    }

    private void releaseExclusive() {
        entry.getAndAdd(-EXCLUSIVE);
    }
}
