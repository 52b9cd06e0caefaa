package dev.pamt.lab.footprint;

/** The size of the pages by which the Secure EPT maps the memory of a TD. */
public enum MappingSize {
    /** Pages of 1G. PAGE.AUG makes none; they come from PAGE.PROMOTE. */
    SIZE_1G("1G", 1L << 30),

    /** Pages of 2M, the largest that PAGE.AUG makes. */
    SIZE_2M("2M", 1L << 21),

    /** Pages of 4K. */
    SIZE_4K("4K", 1L << 12);

    private static final long ENTRIES = 512;

    /** What the root of a Secure EPT with five levels maps. */
    private static final long ROOT_BYTES = 1L << 57;

    private final String title;
    private final long bytes;

    MappingSize(String title, long bytes) {
        this.title = title;
        this.bytes = bytes;
    }

    /**
     * What tables call it.
     *
     * @return a short text
     */
    public String title() {
        return title;
    }

    /** The pages of a Secure EPT below its root, for guest memory from address 0 on. */
    long septPages(long memoryBytes) {
        long pages = 0;
        for (long span = bytes * ENTRIES; span < ROOT_BYTES; span *= ENTRIES) {
            pages += (memoryBytes + span - 1) / span;
        }
        return pages;
    }
}
