package dev.pamt.lab.host;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * What happened on a host that nothing else counts.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
public final class LabCounts {
    /** What is counted. */
    public enum Event {
        /** Faults that ended with a page mapped, or found it mapped. */
        FAULT,
        /** Faults that came again because another vCPU was changing the entry. */
        FROZEN,
        /** Pages that were mapped as 4K. */
        MAPPED_4K,
        /** Chunks that were mapped as one page. */
        MAPPED_2M,
        /** Chunks that could have been mapped as one page, but for the policy or the module. */
        REFUSED_2M,
        /** 2M pages that were split. */
        SPLIT,
        /** 4K pages that were merged, 512 at a time. */
        PROMOTED,
        /** Pages that were unmapped while their TD ran. */
        ZAPPED,
        /** Calls that were answered TDX_OPERAND_BUSY, by a lock of the module that another call held. */
        BUSY,
        /** Pages that were refused because their region had no pair. */
        MISSING_PAIR,
        /** vCPUs that were made to leave the guest. */
        KICK,
        /** Calls that were interrupted and made again. */
        RESTARTED,
        /** Pages that guests have accepted. */
        ACCEPTED,
        /** TDs that were given up because the module did not let a page go. */
        BUGGED_TD,
        /** Control and Secure EPT pages that were left to the module on purpose; guest pages are in {@link GuestMemory#lostPages}. */
        LOST_PAGE
    }

    private final Map<Event, LongAdder> counts = new EnumMap<>(Event.class);

    LabCounts() {
        for (Event event : Event.values()) {
            counts.put(event, new LongAdder());
        }
    }

    void count(Event event) {
        counts.get(event).increment();
    }

    void count(Event event, long times) {
        counts.get(event).add(times);
    }

    /**
     * How often something happened.
     *
     * @param event what
     * @return times, exact when no thread is inside a call
     */
    public long of(Event event) {
        return counts.get(event).sum();
    }
}
