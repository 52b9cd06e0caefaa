package dev.pamt.lab.footprint;

import dev.pamt.api.PageAllocator;

/**
 * A TD as far as its page metadata depends on it.
 *
 * <p>Immutable and thread-safe.
 *
 * @param memoryBytes its memory, a multiple of 1 GiB
 * @param mapping the pages by which its memory is mapped
 * @param vcpus how many vCPUs it has
 */
public record TdShape(long memoryBytes, MappingSize mapping, int vcpus) {
    private static final long GIB = 1L << 30;
    private static final long MOST_BYTES = 1L << 47;
    private static final int MOST_VCPUS = 4096;

    /**
     * Checks the TD.
     *
     * @param memoryBytes its memory, a multiple of 1 GiB
     * @param mapping the pages by which its memory is mapped
     * @param vcpus how many vCPUs it has
     * @throws IllegalArgumentException if a rule is broken; the message names the value
     */
    public TdShape {
        if (memoryBytes < GIB || memoryBytes % GIB != 0 || memoryBytes > MOST_BYTES) {
            throw new IllegalArgumentException(
                    "the memory of a TD is a multiple of 1G, from 1G to 128T; " + memoryBytes + " bytes are not");
        }
        if (vcpus < 1 || vcpus > MOST_VCPUS) {
            throw new IllegalArgumentException("a TD has 1 to " + MOST_VCPUS + " vCPUs, not " + vcpus);
        }
    }

    /**
     * The 2M regions of its memory.
     *
     * @return regions
     */
    public long regions() {
        return memoryBytes / PageAllocator.CHUNK_BYTES;
    }

    /**
     * The 4K pages of its memory.
     *
     * @return pages
     */
    public long pages() {
        return memoryBytes / PageAllocator.PAGE_BYTES;
    }

    /**
     * The pages of its Secure EPT below the root.
     *
     * @return pages
     */
    public long septPages() {
        return mapping.septPages(memoryBytes);
    }
}
