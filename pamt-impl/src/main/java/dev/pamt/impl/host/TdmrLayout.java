package dev.pamt.impl.host;

import dev.pamt.api.Tdmr;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Lays TDMRs over the RAM of a host and places their PAMT areas, as Linux does it (arch/x86/virt/vmx/tdx/tdx.c).
 *
 * <p>A TDMR is a range of RAM rounded out to whole GiB; what of a range the TDMR before covers already is not covered
 * again. Reserved areas are the holes between the CMRs, not those between the ranges of RAM: there are servers with more
 * of the latter than a TDMR has reserved areas. PAMT lies in RAM, so it is reserved, too, wherever it lies in a TDMR.
 *
 * <p>The PAMT areas of a TDMR are one block. It goes to an end of a range of RAM, in its own TDMR if that has room, where
 * it costs the fewest reserved areas: beside a hole it costs none. One use, one thread.
 */
final class TdmrLayout {
    private static final long GIB = 1L << 30;

    private final List<PhysicalRange> ram;
    private final ModuleMetadata module;
    private final List<PhysicalRange> tdmrs = new ArrayList<>();
    private final List<PhysicalRange> pamtBlocks = new ArrayList<>();

    private TdmrLayout(List<PhysicalRange> ram, ModuleMetadata module) {
        this.ram = ram;
        this.module = module;
    }

    /**
     * Makes the layout.
     *
     * @param ram the RAM to cover, all of it inside CMRs
     * @param module what the module takes
     * @return the TDMRs in ascending order
     * @throws IllegalArgumentException if the TDMRs, the reserved areas or the RAM do not suffice
     */
    static List<Tdmr> of(List<PhysicalRange> ram, ModuleMetadata module) {
        return new TdmrLayout(ram, module).lay();
    }

    private List<Tdmr> lay() {
        tdmrs.addAll(PhysicalRanges.roundedOut(ram, GIB));
        while (tdmrs.size() > module.maxTdmrs()) {
            mergeNearestNeighbours();
        }
        for (PhysicalRange tdmr : tdmrs) {
            requireReservedAreas(tdmr);
        }
        PhysicalRange[] blocks = new PhysicalRange[tdmrs.size()];
        // Blocks that fit into their own TDMR first, so that a guest from another one takes no room from them.
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = bestPlace(bytesNeeded(i), List.of(tdmrs.get(i)));
            if (blocks[i] != null) {
                reserve(blocks[i]);
            }
        }
        for (int i = 0; i < blocks.length; i++) {
            if (blocks[i] == null) {
                blocks[i] = bestPlace(bytesNeeded(i), tdmrs);
                if (blocks[i] == null) {
                    throw new IllegalArgumentException(String.format(
                            "the PAMT of TDMR %s needs %d KB of RAM in one piece, in a TDMR that has a reserved area left"
                                    + " for it (of %d); there is none",
                            tdmrs.get(i), bytesNeeded(i) >> 10, module.maxReserved()));
                }
                reserve(blocks[i]);
            }
        }
        List<Tdmr> laid = new ArrayList<>();
        for (int i = 0; i < blocks.length; i++) {
            laid.add(tdmr(tdmrs.get(i), blocks[i]));
        }
        return laid;
    }

    private void mergeNearestNeighbours() {
        int nearest = -1;
        long gap = Long.MAX_VALUE;
        for (int i = 1; i < tdmrs.size(); i++) {
            long between = tdmrs.get(i).baseHpa() - tdmrs.get(i - 1).endHpa();
            // One reserved area is kept for the PAMT block, which cannot always lie beside a hole.
            if (between < gap && holes(merged(i)).size() < module.maxReserved()) {
                nearest = i;
                gap = between;
            }
        }
        if (nearest < 0) {
            throw new IllegalArgumentException(String.format(
                    "the RAM needs %d TDMRs, the module takes %d, and no two neighbours can be merged without more than %d"
                            + " reserved areas",
                    tdmrs.size(), module.maxTdmrs(), module.maxReserved()));
        }
        PhysicalRange merged = merged(nearest);
        tdmrs.remove(nearest);
        tdmrs.set(nearest - 1, merged);
    }

    private PhysicalRange merged(int index) {
        return PhysicalRange.between(
                tdmrs.get(index - 1).baseHpa(), tdmrs.get(index).endHpa());
    }

    private void requireReservedAreas(PhysicalRange tdmr) {
        int holes = holes(tdmr).size();
        if (holes > module.maxReserved()) {
            throw new IllegalArgumentException(String.format(
                    "TDMR %s has %d holes between convertible memory ranges, and can have %d reserved areas",
                    tdmr, holes, module.maxReserved()));
        }
    }

    private long bytesNeeded(int tdmr) {
        return module.pamtBytes(tdmrs.get(tdmr).bytes());
    }

    /** The place for a block that leaves its TDMR with the fewest reserved areas, the highest of these; or null. */
    private PhysicalRange bestPlace(long bytes, List<PhysicalRange> candidates) {
        List<Place> places = new ArrayList<>();
        for (PhysicalRange tdmr : candidates) {
            for (PhysicalRange free : PhysicalRanges.without(PhysicalRanges.inside(tdmr, ram), pamtBlocks)) {
                if (free.bytes() >= bytes) {
                    places.add(place(tdmr, new PhysicalRange(free.baseHpa(), bytes)));
                    places.add(place(tdmr, PhysicalRange.between(free.endHpa() - bytes, free.endHpa())));
                }
            }
        }
        return places.stream()
                .filter(place -> place.reserved <= module.maxReserved())
                .min(Comparator.comparingInt(Place::added)
                        .thenComparing(Comparator.comparing(Place::block).reversed()))
                .map(Place::block)
                .orElse(null);
    }

    private void reserve(PhysicalRange block) {
        pamtBlocks.add(block);
        Collections.sort(pamtBlocks);
    }

    private Place place(PhysicalRange tdmr, PhysicalRange block) {
        int before = reserved(tdmr, pamtBlocks).size();
        List<PhysicalRange> blocks = new ArrayList<>(pamtBlocks);
        blocks.add(block);
        int after = reserved(tdmr, blocks).size();
        return new Place(block, after, after - before);
    }

    private List<PhysicalRange> holes(PhysicalRange tdmr) {
        return PhysicalRanges.holes(tdmr, module.cmrs());
    }

    private List<PhysicalRange> reserved(PhysicalRange tdmr, List<PhysicalRange> blocks) {
        List<PhysicalRange> reserved = holes(tdmr);
        reserved.addAll(PhysicalRanges.inside(tdmr, blocks));
        return PhysicalRanges.union(reserved);
    }

    private Tdmr tdmr(PhysicalRange range, PhysicalRange block) {
        PhysicalRange pamt4K = new PhysicalRange(block.baseHpa(), module.pamt4KBytes(range.bytes()));
        PhysicalRange pamt2M = new PhysicalRange(pamt4K.endHpa(), module.pamt2MBytes(range.bytes()));
        PhysicalRange pamt1G = new PhysicalRange(pamt2M.endHpa(), module.pamt1GBytes(range.bytes()));
        return new Tdmr(range, reserved(range, pamtBlocks), pamt1G, pamt2M, pamt4K);
    }

    private record Place(PhysicalRange block, int reserved, int added) {}
}
