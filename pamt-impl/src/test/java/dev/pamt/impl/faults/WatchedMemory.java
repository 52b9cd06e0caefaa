package dev.pamt.impl.faults;

import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.seamcall.PhysicalMemory;
import java.util.function.LongPredicate;

/** A memory that fails to clear a page on demand, and notices when one is cleared that is not the host's. */
final class WatchedMemory implements PhysicalMemory {
    private final PhysicalMemory memory;
    private final FaultInjector faults;
    private final LongPredicate isClearable;
    private long notCleared;

    WatchedMemory(PhysicalMemory memory, FaultInjector faults, LongPredicate isClearable) {
        this.memory = memory;
        this.faults = faults;
        this.isClearable = isClearable;
    }

    /** The page whose clearing has thrown. */
    long notCleared() {
        return notCleared;
    }

    @Override
    public long read64(long hpa) {
        return memory.read64(hpa);
    }

    @Override
    public void write64(long hpa, long value) {
        memory.write64(hpa, value);
    }

    @Override
    public void clearPage(long hpa) {
        if (!isClearable.test(hpa)) {
            faults.violation(String.format("page 0x%x is cleared, which the host has not or the module may have", hpa));
        }
        int hitsBefore = faults.hits();
        try {
            boolean hit = faults.throwsAfter(Site.CLEAR_PAGE);
            memory.clearPage(hpa);
            if (hit) {
                faults.raise();
            }
        } finally {
            if (faults.hits() > hitsBefore) {
                notCleared = hpa;
            }
        }
    }
}
