package dev.pamt.benchmarks;

/** How much of the heap is in use, the least of some looks after garbage collections; in bytes. */
final class UsedHeap {
    private UsedHeap() {}

    static long afterGc() throws InterruptedException {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(20);
            used = Math.min(
                    used,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return used;
    }
}
