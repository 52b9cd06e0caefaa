package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;
import java.util.concurrent.atomic.AtomicInteger;

/** v6 (May 2026): zero is reached and left only under the lock. Its two patches are a matched set. */
public final class Version6 implements Protocol {
    /** Which halves of the two patches are taken. */
    public enum Form {
        /** 05, and what was merged: everything under the lock; the count stays 1 during REMOVE. */
        ALWAYS_LOCK(false, false),
        /** 06: a lock-free increment unless zero, and a put that makes the count zero before REMOVE. */
        DEC_AND_LOCK(true, true),
        /** The get of 06 with the put of 05. */
        MIXED(true, false);

        private final boolean lockFreeGet;
        private final boolean zeroBeforeRemove;

        Form(boolean lockFreeGet, boolean zeroBeforeRemove) {
            this.lockFreeGet = lockFreeGet;
            this.zeroBeforeRemove = zeroBeforeRemove;
        }
    }

    private final Form form;
    private final ModelRegion region;
    private final ModelRegion donor;
    private final Object lock;
    private final AtomicInteger users = new AtomicInteger();

    public Version6(Form form, ModelRegion region, ModelRegion donor, Object lock) {
        this.form = form;
        this.region = region;
        this.donor = donor;
        this.lock = lock;
    }

    @Override
    public boolean get() {
        if (form.lockFreeGet && Counts.incrementUnlessZero(users)) {
            return true;
        }
        synchronized (lock) {
            if (Counts.incrementUnlessZero(users)) {
                return true;
            }
            if (region.add(donor) != Status.SUCCESS) {
                return false;
            }
            users.set(1);
            return true;
        }
    }

    @Override
    public void put(boolean hint) {
        if (form.zeroBeforeRemove) {
            decrementAndLock();
        } else {
            removeAndSetZero();
        }
    }

    private void decrementAndLock() {
        if (Counts.decrementUnlessOne(users)) {
            return;
        }
        synchronized (lock) {
            if (users.decrementAndGet() == 0 && region.remove() != Status.SUCCESS) {
                users.set(1);
            }
        }
    }

    private void removeAndSetZero() {
        synchronized (lock) {
            if (users.get() > 1) {
                users.decrementAndGet();
            } else if (region.remove() == Status.SUCCESS) {
                users.set(0);
            }
        }
    }
}
