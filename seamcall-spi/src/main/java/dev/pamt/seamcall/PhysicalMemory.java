package dev.pamt.seamcall;

/**
 * Physical memory as the host reaches it: for the structures that a SEAMCALL takes by address, and to scrub pages that
 * come back from the module.
 *
 * <p>A backend that cannot reach the memory throws {@link SeamcallUnavailableException}, as for a SEAMCALL: the access may have
 * been made, unless the exception is {@linkplain SeamcallUnavailableException#notSent one for an access that was not sent}.
 *
 * <p><b>Thread-safety:</b> any number of threads at once; a 64-bit access is atomic, a page operation is not.
 */
public interface PhysicalMemory {
    /**
     * Reads eight bytes, little-endian.
     *
     * @param hpa the host physical address, a multiple of 8
     * @return the value
     */
    long read64(long hpa);

    /**
     * Writes eight bytes, little-endian.
     *
     * @param hpa the host physical address, a multiple of 8
     * @param value the value
     */
    void write64(long hpa, long value);

    /**
     * Fills a 4K page with zeros.
     *
     * @param hpa the host physical address, a multiple of 4096
     */
    void clearPage(long hpa);

    /**
     * Memory without contents, for a backend that has none: reads as zero, writes are dropped.
     *
     * @return a memory that keeps nothing
     */
    static PhysicalMemory none() {
        return NoMemory.INSTANCE;
    }
}
