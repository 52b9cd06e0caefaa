package dev.pamt.lab.footprint;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.RegionState;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;

/**
 * What a manager keeps in the heap: the difference of the used heap after garbage collections.
 *
 * <p>Immutable and thread-safe.
 *
 * @param idleBytes the heap of a manager that has just been made
 * @param touchedBytes its heap after each region was in use once
 */
public record ManagerHeap(long idleBytes, long touchedBytes) {
    private static final int LOOKS = 5;
    private static final long PAUSE_MILLIS = 20;

    /**
     * Measures a manager on a host. Nothing else may allocate meanwhile.
     *
     * @param memory the memory of the host
     * @return the result
     * @throws InterruptedException if this thread is interrupted
     */
    public static ManagerHeap of(MemoryMap memory) throws InterruptedException {
        long before = usedHeap();
        try (PamtManager manager = PamtManager.builder()
                .seamcalls(new CountingModule(), PhysicalMemory.none())
                .memory(memory)
                .build()) {
            long idle = usedHeap();
            for (PhysicalRange range : memory.ram()) {
                long firstRegion = range.baseHpa() & -PageAllocator.CHUNK_BYTES;
                for (long region = firstRegion; region < range.endHpa(); region += PageAllocator.CHUNK_BYTES) {
                    long page = Math.max(region, range.baseHpa());
                    if (manager.state(page).kind() != RegionState.Kind.DONOR) {
                        manager.get(page);
                        manager.put(page);
                    }
                }
            }
            return new ManagerHeap(Math.max(0, idle - before), Math.max(0, usedHeap() - before));
        }
    }

    private static long usedHeap() throws InterruptedException {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < LOOKS; i++) {
            System.gc();
            Thread.sleep(PAUSE_MILLIS);
            used = Math.min(
                    used,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return used;
    }
}
