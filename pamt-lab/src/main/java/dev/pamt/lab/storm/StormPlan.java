package dev.pamt.lab.storm;

import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.GuestMemory.Backing;

/**
 * How large a storm is.
 *
 * <p>Immutable and thread-safe.
 *
 * @param tds how many TDs there are
 * @param memoryBytes memory of each TD, a multiple of 2 MiB
 * @param vcpus how many vCPUs each TD has, each a thread
 * @param seed decides in which order a vCPU touches its memory
 * @param backing what guest memory is made of
 * @param guests whether guests accept their memory; otherwise the host maps it and no guest runs
 */
public record StormPlan(int tds, long memoryBytes, int vcpus, long seed, Backing backing, boolean guests) {
    /** Guest memory that one Secure EPT page of the lowest level maps. */
    public static final long BLOCK_BYTES = GuestMemory.BLOCK_BYTES;

    /** Threads that a process can have without tuning the machine. */
    public static final int MAX_THREADS = 4096;

    /**
     * Checks the plan.
     *
     * @param tds how many TDs there are
     * @param memoryBytes memory of each TD, a multiple of 2 MiB
     * @param vcpus how many vCPUs each TD has, each a thread
     * @param seed decides in which order a vCPU touches its memory
     * @param backing what guest memory is made of
     * @param guests whether guests accept their memory; otherwise the host maps it and no guest runs
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
        if (memoryBytes / GuestMemory.PAGE_BYTES > Integer.MAX_VALUE - GuestMemory.PAGES_PER_BLOCK) {
            throw new IllegalArgumentException(
                    "the memory of a TD is less than 8T; " + (memoryBytes >> 40) + "T is not");
        }
    }

    /**
     * Makes a plan of single pages without guests.
     *
     * @param tds how many TDs there are
     * @param memoryBytes memory of each TD, a multiple of 2 MiB
     * @param vcpus how many vCPUs each TD has, each a thread
     * @param seed decides in which order a vCPU touches its memory
     */
    public StormPlan(int tds, long memoryBytes, int vcpus, long seed) {
        this(tds, memoryBytes, vcpus, seed, Backing.PAGES_4K, false);
    }

    /**
     * The 4K pages of guest memory of all TDs.
     *
     * @return pages
     */
    public long guestPages() {
        return tds * (memoryBytes / GuestMemory.PAGE_BYTES);
    }

    /**
     * The same storm with less memory.
     *
     * @param mostBytes memory of each TD at most, a multiple of 2 MiB
     * @return a plan
     */
    public StormPlan withMemoryUpTo(long mostBytes) {
        return new StormPlan(tds, Math.min(memoryBytes, mostBytes), vcpus, seed, backing, guests);
    }

    /**
     * The 2M blocks of guest memory of one TD.
     *
     * @return blocks
     */
    public int blocks() {
        return Math.toIntExact(memoryBytes / BLOCK_BYTES);
    }

    /** The first block of the share of memory that a vCPU faults; its last one is before that of the next vCPU. */
    int firstBlock(int vcpu) {
        return (int) ((long) blocks() * vcpu / vcpus);
    }
}
