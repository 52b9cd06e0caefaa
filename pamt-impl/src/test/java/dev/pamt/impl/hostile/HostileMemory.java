package dev.pamt.impl.hostile;

import dev.pamt.seamcall.PhysicalMemory;

/** Memory that notes which pages are scrubbed, and cannot scrub some of them. */
final class HostileMemory implements PhysicalMemory {
    private final Ownership ownership;
    private final Journal journal;
    private final int fails;
    private volatile boolean calm = true;

    HostileMemory(Ownership ownership, Journal journal, int fails) {
        this.ownership = ownership;
        this.journal = journal;
        this.fails = fails;
    }

    void setCalm(boolean value) {
        calm = value;
    }

    @Override
    public long read64(long hpa) {
        return 0;
    }

    @Override
    public void write64(long hpa, long value) {
        journal.violation("the manager writes to 0x" + Long.toHexString(hpa));
    }

    @Override
    public void clearPage(long hpa) {
        if (!calm && Chance.oneIn(fails)) {
            journal.note(() -> "  page 0x" + Long.toHexString(hpa) + " cannot be scrubbed");
            ownership.notCleared(hpa);
            throw Hostility.raise(Hostility.failure("clearPage"));
        }
        ownership.cleared(hpa);
    }
}
