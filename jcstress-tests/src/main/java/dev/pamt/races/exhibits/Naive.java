package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;
import java.util.concurrent.atomic.AtomicInteger;

/** What one writes first: count, and let the thread that passes zero make the call. Never posted. */
public final class Naive implements Protocol {
    private final ModelRegion region;
    private final ModelRegion donor;
    private final AtomicInteger users = new AtomicInteger();

    public Naive(ModelRegion region, ModelRegion donor) {
        this.region = region;
        this.donor = donor;
    }

    @Override
    public boolean get() {
        if (users.getAndIncrement() > 0 || region.add(donor) == Status.SUCCESS) {
            return true;
        }
        users.decrementAndGet();
        return false;
    }

    @Override
    public void put(boolean hint) {
        if (users.decrementAndGet() == 0) {
            region.remove();
        }
    }
}
