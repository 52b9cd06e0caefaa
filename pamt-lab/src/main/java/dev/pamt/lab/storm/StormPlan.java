package dev.pamt.lab.storm;

/**
 * How large a storm is.
 *
 * <p>Immutable and thread-safe.
 *
 * @param tds how many TDs there are
 * @param memoryBytes memory of each TD, a multiple of 2 MiB
 * @param vcpus how many vCPUs each TD has, each a thread
 * @param seed decides in which order a vCPU touches its memory
 */
public record StormPlan(int tds, long memoryBytes, int vcpus, long seed) {
    /** Bytes of a 4K page. */
    static final long PAGE_BYTES = 1L << 12;

    /** Pages of a 2M block of guest memory, and entries of a Secure EPT page. */
    static final int PAGES_PER_BLOCK = 512;

    /** Guest memory that one Secure EPT page of the lowest level maps. */
    public static final long BLOCK_BYTES = PAGE_BYTES * PAGES_PER_BLOCK;

    /** Threads that a process can have without tuning the machine. */
    public static final int MAX_THREADS = 4096;

    /**
     * Checks the plan.
     *
     * @param tds how many TDs there are
     * @param memoryBytes memory of each TD, a multiple of 2 MiB
     * @param vcpus how many vCPUs each TD has, each a thread
     * @param seed decides in which order a vCPU touches its memory
     * @throws IllegalArgumentException if a rule is broken; the message names the value
     */
    public StormPlan {
        if (tds < 1) {
            throw new IllegalArgumentException("there is at least 1 TD, not " + tds);
        }
        if (vcpus < 1) {
            throw new IllegalArgumentException("a TD has at least 1 vCPU, not " + vcpus);
        }
        if ((long) tds * vcpus > MAX_THREADS) {
            throw new IllegalArgumentException("each vCPU is a thread, and there are at most " + MAX_THREADS
                    + " of them; " + tds + " TDs with " + vcpus + " vCPUs are " + (long) tds * vcpus);
        }
        if (memoryBytes < BLOCK_BYTES || memoryBytes % BLOCK_BYTES != 0) {
            throw new IllegalArgumentException(
                    "the memory of a TD is a multiple of 2M, at least 2M; " + memoryBytes + " bytes are not");
        }
        if (memoryBytes / PAGE_BYTES > Integer.MAX_VALUE - PAGES_PER_BLOCK) {
            throw new IllegalArgumentException(
                    "the memory of a TD is less than 8T; " + (memoryBytes >> 40) + "T is not");
        }
    }

    /**
     * The 4K pages of guest memory of all TDs.
     *
     * @return pages
     */
    public long guestPages() {
        return tds * (memoryBytes / PAGE_BYTES);
    }

    /**
     * The same storm with less memory.
     *
     * @param mostBytes memory of each TD at most, a multiple of 2 MiB
     * @return a plan
     */
    public StormPlan withMemoryUpTo(long mostBytes) {
        return new StormPlan(tds, Math.min(memoryBytes, mostBytes), vcpus, seed);
    }

    /** The 2M blocks of guest memory of one TD. */
    int blocks() {
        return Math.toIntExact(memoryBytes / BLOCK_BYTES);
    }

    /** The first block of the share of memory that a vCPU faults; its last one is before that of the next vCPU. */
    int firstBlock(int vcpu) {
        return (int) ((long) blocks() * vcpu / vcpus);
    }
}
