package dev.pamt.seamcall.emulator.tdmr;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;

/**
 * The convertible memory ranges, as the firmware reports them.
 *
 * @param ranges the ranges, ascending
 */
public record Cmrs(List<PhysicalRange> ranges) {
    /** The number of entries of the table; those not used are zero. */
    public static final int SLOTS = 32;

    /** Whether a range of addresses lies in convertible memory; ranges that touch count as one. */
    boolean contain(long startHpa, long endHpa) {
        long mergedStart = 0;
        long mergedEnd = 0;
        for (PhysicalRange range : ranges) {
            if (range.baseHpa() != mergedEnd) {
                mergedStart = range.baseHpa();
            }
            mergedEnd = range.endHpa();
            if (startHpa >= mergedStart && endHpa <= mergedEnd) {
                return true;
            }
        }
        return false;
    }

    /** The base of an entry of the table. */
    public long baseHpa(int index) {
        return index < ranges.size() ? ranges.get(index).baseHpa() : 0;
    }

    /** The size of an entry of the table. */
    public long bytes(int index) {
        return index < ranges.size() ? ranges.get(index).bytes() : 0;
    }
}
