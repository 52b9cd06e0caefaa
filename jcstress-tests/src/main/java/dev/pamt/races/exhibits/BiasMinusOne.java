package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The counter-proposal to v1 (May 2025): the count begins at -1, 0 is one user, and -1 is reached only under the lock, so
 * that an ADD never finds the region not free.
 */
public final class BiasMinusOne implements Protocol {
    /** How the last user leaves. */
    public enum Form {
        /** As it was sketched: look at the count under the lock, REMOVE, then store -1. */
        SKETCHED,
        /** Repaired as one does at first sight: compare-and-set to -1 before REMOVE, otherwise decrement. */
        REPAIRED_ONCE,
        /** Repaired: either compare-and-set to -1 or decrement a positive count, until one of them succeeds. */
        REPAIRED
    }

    private static final int EMPTY = -1;

    private final Form form;
    private final ModelRegion region;
    private final ModelRegion donor;
    private final Object lock;
    private final AtomicInteger users = new AtomicInteger(EMPTY);

    public BiasMinusOne(Form form, ModelRegion region, ModelRegion donor, Object lock) {
        this.form = form;
        this.region = region;
        this.donor = donor;
        this.lock = lock;
    }

    @Override
    public boolean get() {
        if (Counts.incrementUnlessNegative(users)) {
            return true;
        }
        synchronized (lock) {
            if (users.get() < 0 && region.add(donor) != Status.SUCCESS) {
                return false;
            }
            users.incrementAndGet();
            return true;
        }
    }

    @Override
    public void put(boolean hint) {
        if (Counts.decrementIfPositive(users)) {
            return;
        }
        synchronized (lock) {
            switch (form) {
                case SKETCHED -> leaveAsSketched();
                case REPAIRED_ONCE -> leaveOrDecrement();
                case REPAIRED -> leaveRepaired();
            }
        }
    }

    private void leaveAsSketched() {
        if (users.get() > 0) {
            return;
        }
        region.remove();
        users.set(EMPTY);
    }

    private void leaveOrDecrement() {
        if (!leave()) {
            users.decrementAndGet();
        }
    }

    private void leaveRepaired() {
        while (users.get() >= 0) {
            if (leave() || Counts.decrementIfPositive(users)) {
                return;
            }
        }
    }

    private boolean leave() {
        if (!users.compareAndSet(0, EMPTY)) {
            return false;
        }
        if (region.remove() != Status.SUCCESS) {
            users.set(0);
        }
        return true;
    }
}
