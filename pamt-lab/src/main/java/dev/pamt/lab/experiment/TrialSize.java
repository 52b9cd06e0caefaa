package dev.pamt.lab.experiment;

import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.GuestMemory.Backing;

/**
 * How large an experiment is.
 *
 * <p>Immutable and thread-safe.
 *
 * @param tds how many TDs there are
 * @param memoryBytes memory of each TD, a multiple of 2 MiB
 * @param vcpus how many vCPUs each TD has, each a thread
 * @param backing what guest memory is made of
 * @param seed decides what is random
 */
public record TrialSize(int tds, long memoryBytes, int vcpus, Backing backing, long seed) {
    /** Threads that a process can have without tuning the machine. */
    private static final int MOST_THREADS = 4096;

    /**
     * Checks the size.
     *
     * @param tds how many TDs there are
     * @param memoryBytes memory of each TD, a multiple of 2 MiB
     * @param vcpus how many vCPUs each TD has, each a thread
     * @param backing what guest memory is made of
     * @param seed decides what is random
     * @throws IllegalArgumentException if a rule is broken; the message names the value
     */
    public TrialSize {
        if (tds < 1) {
            throw new IllegalArgumentException("there is at least 1 TD, not " + tds);
        }
        if (vcpus < 1) {
            throw new IllegalArgumentException("a TD has at least 1 vCPU, not " + vcpus);
        }
        if ((long) tds * vcpus > MOST_THREADS) {
            throw new IllegalArgumentException("each vCPU is a thread, and there are at most " + MOST_THREADS
                    + " of them; " + tds + " TDs with " + vcpus + " vCPUs are " + (long) tds * vcpus);
        }
        if (memoryBytes < GuestMemory.BLOCK_BYTES || memoryBytes % GuestMemory.BLOCK_BYTES != 0) {
            throw new IllegalArgumentException(
                    "the memory of a TD is a multiple of 2M, at least 2M; " + memoryBytes + " bytes are not");
        }
    }

    /**
     * The 2M blocks of guest memory of one TD.
     *
     * @return blocks
     */
    public int blocks() {
        return Math.toIntExact(memoryBytes / GuestMemory.BLOCK_BYTES);
    }

    /**
     * The same with less memory.
     *
     * @param mostBytes memory of each TD at most, a multiple of 2 MiB
     * @return a size
     */
    public TrialSize withMemoryUpTo(long mostBytes) {
        return new TrialSize(tds, Math.min(memoryBytes, mostBytes), vcpus, backing, seed);
    }
}
