package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * v1 to v5 (2025): a lock-free increment unless zero, a lock-free decrement, and the lock for the thread that sees zero.
 *
 * <p>The count reaches zero outside the lock, so an ADD may find the region not free, and takes that for success. What the
 * versions differ in is what becomes of a count whose REMOVE failed, of the loser of a race, and of an error.
 */
public final class DecrementOutside implements Protocol {
    /** What distinguishes the postings. */
    public enum Version {
        /** May 2025: a failed REMOVE leaves zero. */
        V1,
        /** v2, v3 (optimised), v5: a failed REMOVE puts the reference back. */
        V2_TO_V5,
        /** v3's first patch: no fast path, and the loser of a race forgets to count itself. */
        V3_SIMPLE,
        /** v4: an ADD that fails is reported as success. */
        V4
    }

    private final Version version;
    private final ModelRegion region;
    private final ModelRegion donor;
    private final Object lock;
    private final AtomicInteger users = new AtomicInteger();

    public DecrementOutside(Version version, ModelRegion region, ModelRegion donor, Object lock) {
        this.version = version;
        this.region = region;
        this.donor = donor;
        this.lock = lock;
    }

    @Override
    public boolean get() {
        if (version != Version.V3_SIMPLE && Counts.incrementUnlessZero(users)) {
            return true;
        }
        synchronized (lock) {
            if (users.get() != 0) {
                if (version != Version.V3_SIMPLE) {
                    users.incrementAndGet();
                }
                return true;
            }
            Status status = region.add(donor);
            if (status != Status.SUCCESS && status != Status.HPA_RANGE_NOT_FREE) {
                return version == Version.V4;
            }
            users.set(1);
            return true;
        }
    }

    @Override
    public void put(boolean hint) {
        if (users.decrementAndGet() != 0) {
            return;
        }
        synchronized (lock) {
            if (users.get() == 0 && region.remove() != Status.SUCCESS && version != Version.V1) {
                users.incrementAndGet();
            }
        }
    }
}
