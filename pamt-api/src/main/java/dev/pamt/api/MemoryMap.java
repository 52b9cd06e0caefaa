package dev.pamt.api;

import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The memory of a host: where its RAM lies, and what of it is convertible for TDX.
 *
 * <p>Immutable and thread-safe.
 */
public final class MemoryMap {
    private final List<PhysicalRange> ram;
    private final List<PhysicalRange> cmrs;

    private MemoryMap(List<PhysicalRange> ram, List<PhysicalRange> cmrs) {
        this.ram = ram;
        this.cmrs = cmrs;
    }

    /**
     * A map of RAM ranges, all of it convertible.
     *
     * @param ram the ranges, in any order
     * @return the map
     * @throws IllegalArgumentException if two ranges overlap, or there is none
     */
    public static MemoryMap of(List<PhysicalRange> ram) {
        List<PhysicalRange> sorted = new ArrayList<>(ram);
        Collections.sort(sorted);
        return new MemoryMap(List.copyOf(sorted), List.copyOf(sorted));
    }

    /**
     * A map for trying things out: 32 GiB, with a hole below 4 GiB as every PC has it.
     *
     * @return the map
     */
    public static MemoryMap synthetic() {
        return of(
                List.of(new PhysicalRange(1L << 20, (2L << 30) - (1L << 20)), new PhysicalRange(4L << 30, 30L << 30)));
    }

    /**
     * The RAM.
     *
     * @return ranges in ascending order, apart from each other
     */
    public List<PhysicalRange> ram() {
        return ram;
    }

    /**
     * The convertible memory ranges.
     *
     * @return ranges in ascending order, apart from each other
     */
    public List<PhysicalRange> cmrs() {
        return cmrs;
    }
}
