package dev.pamt.api;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import dev.pamt.seamcall.PlatformConfig;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * The memory of a host: where its RAM lies, and what of its address space is convertible for TDX (CMRs).
 *
 * <p>All ranges are whole 4K pages. The first MiB is never part of the RAM: firmware lives there, and Linux does not use
 * it for TDX either. RAM outside the CMRs is left out, too, because TDX cannot use it. A CMR may hold memory that is no
 * RAM: it can be part of a TDMR, but it is never allocated.
 *
 * <p>Immutable and thread-safe.
 */
public final class MemoryMap {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    /** What a TDMR_INFO has room for. */
    private static final int MAX_RESERVED_PER_TDMR = 16;

    /** Reserved areas of a TDMR that are kept for PAMT: its own block, and one of a TDMR that has no room for its own. */
    private static final int RESERVED_FOR_PAMT = 2;

    private final List<PhysicalRange> ram;
    private final List<PhysicalRange> cmrs;
    private final long[] ramBases;
    private final long ramBytes;

    private MemoryMap(List<PhysicalRange> ram, List<PhysicalRange> cmrs) {
        this.ram = List.copyOf(ram);
        this.cmrs = List.copyOf(cmrs);
        ramBases = ram.stream().mapToLong(PhysicalRange::baseHpa).toArray();
        ramBytes = ram.stream().mapToLong(PhysicalRange::bytes).sum();
    }

    /**
     * A map of RAM ranges, all of it convertible.
     *
     * <p>The CMRs are made up as firmware would report them: the RAM ranges, with the smallest holes closed until there
     * are no more than a platform can have, and until no TDMR over them needs more reserved areas than it has.
     *
     * @param ram the ranges, in any order
     * @return the map
     * @throws IllegalArgumentException if two ranges overlap, or no whole page lies above the first MiB
     */
    public static MemoryMap of(List<PhysicalRange> ram) {
        List<PhysicalRange> usable = usable(apart("RAM ranges", ram));
        if (usable.isEmpty()) {
            throw new IllegalArgumentException(
                    "a memory map has at least one whole 4K page of RAM above the first MiB; " + ram + " has none");
        }
        return new MemoryMap(usable, derivedCmrs(usable));
    }

    /**
     * A map of RAM ranges and of the CMRs that the platform reports.
     *
     * @param ram the RAM, in any order; what lies in no CMR is left out
     * @param cmrs the convertible memory ranges, in any order
     * @return the map
     * @throws IllegalArgumentException if two ranges of one kind overlap, if there are more CMRs than {@link
     *     PlatformConfig#MAX_CMRS}, or if no whole page of RAM above the first MiB lies in a CMR
     */
    public static MemoryMap of(List<PhysicalRange> ram, List<PhysicalRange> cmrs) {
        List<PhysicalRange> convertible =
                PhysicalRanges.roundedIn(apart("convertible memory ranges", cmrs), PageAllocator.PAGE_BYTES);
        if (convertible.size() > PlatformConfig.MAX_CMRS) {
            throw new IllegalArgumentException("a platform has at most " + PlatformConfig.MAX_CMRS
                    + " convertible memory ranges, not " + convertible.size());
        }
        List<PhysicalRange> usable = PhysicalRanges.intersection(usable(apart("RAM ranges", ram)), convertible);
        if (usable.isEmpty()) {
            throw new IllegalArgumentException("a memory map has RAM that is convertible; of the RAM " + ram
                    + " nothing above the first MiB lies in the convertible memory ranges " + cmrs);
        }
        return new MemoryMap(usable, convertible);
    }

    /**
     * A map for trying things out: 32 GiB, with a hole below 4 GiB as every PC has it.
     *
     * @return the map
     */
    public static MemoryMap synthetic() {
        return of(List.of(PhysicalRange.between(MIB, 2 * GIB), PhysicalRange.between(4 * GIB, 34 * GIB)));
    }

    /**
     * Reads a saved {@code /proc/iomem}, or a boot log with {@code BIOS-e820} or {@code virt/tdx: CMR} lines or both;
     * which of them it is, is found out.
     *
     * <ul>
     *   <li>{@code /proc/iomem}: RAM is what the outermost lines call {@code System RAM}.
     *   <li>Boot log: RAM is what the {@code BIOS-e820} lines call {@code usable}, as far as it lies in a CMR. A CMR above
     *       everything that the {@code BIOS-e820} lines mention is RAM, too: the log is an excerpt. Without {@code
     *       BIOS-e820} lines the CMRs are the RAM. Time stamps and other text before these lines do not matter.
     * </ul>
     *
     * @param lines the lines
     * @param source where they come from, for error messages
     * @return the map
     * @throws IllegalArgumentException if it is neither of them; the message names the source, the line and the rule
     */
    public static MemoryMap parse(List<String> lines, String source) {
        return new MemoryMapParser(lines, source).parse();
    }

    /**
     * The RAM.
     *
     * @return ranges of whole 4K pages in ascending order, apart from each other
     */
    public List<PhysicalRange> ram() {
        return ram;
    }

    /**
     * The convertible memory ranges.
     *
     * @return ranges of whole 4K pages in ascending order, apart from each other
     */
    public List<PhysicalRange> cmrs() {
        return cmrs;
    }

    /**
     * How much RAM there is.
     *
     * @return bytes
     */
    public long ramBytes() {
        return ramBytes;
    }

    /**
     * The address behind the last page of RAM.
     *
     * @return an hpa
     */
    public long endHpa() {
        return ram.get(ram.size() - 1).endHpa();
    }

    /**
     * Whether an address lies in RAM.
     *
     * @param hpa an address
     * @return true if it does
     */
    public boolean contains(long hpa) {
        int found = Arrays.binarySearch(ramBases, hpa);
        int below = found >= 0 ? found : -found - 2;
        return below >= 0 && hpa < ram.get(below).endHpa();
    }

    /**
     * Whether an address is that of a 4K page of RAM.
     *
     * @param hpa an address
     * @return true if it is a multiple of 4096 and lies in RAM
     */
    public boolean containsPage(long hpa) {
        return (hpa & (PageAllocator.PAGE_BYTES - 1)) == 0 && contains(hpa);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MemoryMap that && ram.equals(that.ram) && cmrs.equals(that.cmrs);
    }

    @Override
    public int hashCode() {
        return Objects.hash(ram, cmrs);
    }

    /** The ranges as the kernel prints them: {@code RAM: [0x100000, 0x80000000), [...); CMR: [...)}. */
    @Override
    public String toString() {
        return "RAM: " + text(ram) + "; CMR: " + text(cmrs);
    }

    private static String text(List<PhysicalRange> ranges) {
        return ranges.stream().map(PhysicalRange::toString).collect(Collectors.joining(", "));
    }

    /** Sorted and with neighbours joined; refuses ranges that overlap. */
    static List<PhysicalRange> apart(String what, List<PhysicalRange> ranges) {
        List<PhysicalRange> sorted = new ArrayList<>(ranges);
        Collections.sort(sorted);
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i).overlaps(sorted.get(i - 1))) {
                throw new IllegalArgumentException(
                        what + " do not overlap, but " + sorted.get(i - 1) + " and " + sorted.get(i) + " do");
            }
        }
        return PhysicalRanges.union(sorted);
    }

    private static List<PhysicalRange> usable(List<PhysicalRange> ram) {
        PhysicalRange fromOneMib = PhysicalRange.between(MIB, 1L << PhysicalRange.ADDRESS_BITS);
        return PhysicalRanges.roundedIn(PhysicalRanges.inside(fromOneMib, ram), PageAllocator.PAGE_BYTES);
    }

    private static List<PhysicalRange> derivedCmrs(List<PhysicalRange> ram) {
        List<PhysicalRange> cmrs = new ArrayList<>(ram);
        while (cmrs.size() > PlatformConfig.MAX_CMRS) {
            closeSmallestHole(cmrs, 0, Long.MAX_VALUE);
        }
        // The TDMRs that the host will lay over the memory.
        for (PhysicalRange tdmr : PhysicalRanges.roundedOut(ram, GIB)) {
            while (PhysicalRanges.holes(tdmr, cmrs).size() > MAX_RESERVED_PER_TDMR - RESERVED_FOR_PAMT) {
                closeSmallestHole(cmrs, tdmr.baseHpa(), tdmr.endHpa());
            }
        }
        return cmrs;
    }

    /** Closes the smallest hole that begins and ends between two addresses; there is one. */
    private static void closeSmallestHole(List<PhysicalRange> cmrs, long start, long end) {
        int smallest = -1;
        long bytes = Long.MAX_VALUE;
        for (int i = 1; i < cmrs.size(); i++) {
            long holeStart = cmrs.get(i - 1).endHpa();
            long holeEnd = cmrs.get(i).baseHpa();
            if (holeStart > start && holeEnd < end && holeEnd - holeStart < bytes) {
                smallest = i;
                bytes = holeEnd - holeStart;
            }
        }
        PhysicalRange above = cmrs.remove(smallest);
        cmrs.set(smallest - 1, PhysicalRange.between(cmrs.get(smallest - 1).baseHpa(), above.endHpa()));
    }
}
