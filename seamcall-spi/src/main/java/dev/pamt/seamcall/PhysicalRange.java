package dev.pamt.seamcall;

/**
 * A range of host physical addresses, {@code [baseHpa, baseHpa + bytes)}.
 *
 * <p>Immutable and thread-safe.
 *
 * @param baseHpa the first address of the range
 * @param bytes the length of the range, more than zero
 */
public record PhysicalRange(long baseHpa, long bytes) implements Comparable<PhysicalRange> {
    /** No physical address has more bits than this. */
    public static final int ADDRESS_BITS = 52;

    /**
     * Checks the range.
     *
     * @param baseHpa the first address of the range
     * @param bytes the length of the range, more than zero
     * @throws IllegalArgumentException if the range is empty, begins below 0 or ends above 2^52
     */
    public PhysicalRange {
        if (baseHpa < 0 || bytes <= 0 || bytes > (1L << ADDRESS_BITS) - baseHpa) {
            throw new IllegalArgumentException(String.format(
                    "a range has at least one byte and lies below 2^%d; base 0x%x with 0x%x bytes does not",
                    ADDRESS_BITS, baseHpa, bytes));
        }
    }

    /**
     * Makes a range from its two ends.
     *
     * @param startHpa the first address
     * @param endHpa the address behind the last one
     * @return the range
     * @throws IllegalArgumentException if the range would be empty or leave the address space
     */
    public static PhysicalRange between(long startHpa, long endHpa) {
        return new PhysicalRange(startHpa, endHpa - startHpa);
    }

    /**
     * The address behind the last one.
     *
     * @return base plus length
     */
    public long endHpa() {
        return baseHpa + bytes;
    }

    /**
     * Whether an address lies in the range.
     *
     * @param hpa a host physical address
     * @return true if it does
     */
    public boolean contains(long hpa) {
        return hpa >= baseHpa && hpa < endHpa();
    }

    /**
     * Whether all of another range lies in this one.
     *
     * @param other a range
     * @return true if it does
     */
    public boolean contains(PhysicalRange other) {
        return other.baseHpa >= baseHpa && other.endHpa() <= endHpa();
    }

    /**
     * Whether the two ranges share an address.
     *
     * @param other a range
     * @return true if they do
     */
    public boolean overlaps(PhysicalRange other) {
        return other.baseHpa < endHpa() && baseHpa < other.endHpa();
    }

    /** Orders ranges by base, then by length. */
    @Override
    public int compareTo(PhysicalRange other) {
        int byBase = Long.compare(baseHpa, other.baseHpa);
        return byBase != 0 ? byBase : Long.compare(bytes, other.bytes);
    }

    /** The range as the kernel prints it: {@code [0x100000, 0x77800000)}. */
    @Override
    public String toString() {
        return String.format("[0x%x, 0x%x)", baseHpa, endHpa());
    }
}
