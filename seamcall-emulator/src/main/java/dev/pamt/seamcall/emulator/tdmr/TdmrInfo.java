package dev.pamt.seamcall.emulator.tdmr;

import dev.pamt.seamcall.emulator.memory.SparseMemory;
import java.util.List;

/**
 * TDMR_INFO as the host wrote it, taken over once so that later changes by the host do not matter.
 *
 * @param baseHpa where the TDMR begins
 * @param bytes its size
 * @param pamt1g the array of PAMT_1G entries
 * @param pamt2m the array of PAMT_2M entries
 * @param pamt4k the array of PAMT_4K entries; with Dynamic PAMT the page bitmap
 * @param reserved all {@link #RESERVED_AREAS} reserved areas, those not used with size 0
 */
record TdmrInfo(long baseHpa, long bytes, Area pamt1g, Area pamt2m, Area pamt4k, List<Area> reserved) {
    /** The number of reserved areas in TDMR_INFO. */
    static final int RESERVED_AREAS = 16;

    /**
     * A base (or an offset) and a size, neither of them checked.
     *
     * @param start an address, or for a reserved area the offset from the base of the TDMR
     * @param bytes a size
     */
    record Area(long start, long bytes) {
        long end() {
            return start + bytes;
        }

        /** Whether the area does not wrap around 2^64. */
        boolean isRange() {
            return Long.compareUnsigned(end(), start) >= 0;
        }

        boolean overlaps(Area other) {
            return Long.compareUnsigned(start, other.end()) < 0 && Long.compareUnsigned(other.start, end()) < 0;
        }
    }

    static TdmrInfo read(SparseMemory memory, long hpa) {
        Area[] reserved = new Area[RESERVED_AREAS];
        for (int i = 0; i < RESERVED_AREAS; i++) {
            reserved[i] = area(memory, hpa + 64 + i * 16L);
        }
        Area tdmr = area(memory, hpa);
        return new TdmrInfo(
                tdmr.start,
                tdmr.bytes,
                area(memory, hpa + 16),
                area(memory, hpa + 32),
                area(memory, hpa + 48),
                List.of(reserved));
    }

    private static Area area(SparseMemory memory, long hpa) {
        return new Area(memory.read64(hpa), memory.read64(hpa + 8));
    }

    long endHpa() {
        return baseHpa + bytes;
    }

    /** A reserved area as addresses. */
    Area reservedRange(int index) {
        Area area = reserved.get(index);
        return new Area(baseHpa + area.start, area.bytes);
    }
}
