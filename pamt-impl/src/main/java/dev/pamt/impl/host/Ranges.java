package dev.pamt.impl.host;

import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/** Sets of addresses as lists of ranges, ascending and apart from each other. */
final class Ranges {
    private Ranges() {}

    /** All that lies in one of the ranges; they may be in any order, and overlap. */
    static List<PhysicalRange> union(Collection<PhysicalRange> ranges) {
        List<PhysicalRange> sorted = new ArrayList<>(ranges);
        Collections.sort(sorted);
        List<PhysicalRange> union = new ArrayList<>();
        for (PhysicalRange range : sorted) {
            PhysicalRange last = union.isEmpty() ? null : union.get(union.size() - 1);
            if (last != null && range.baseHpa() <= last.endHpa()) {
                union.set(
                        union.size() - 1,
                        PhysicalRange.between(last.baseHpa(), Math.max(last.endHpa(), range.endHpa())));
            } else {
                union.add(range);
            }
        }
        return union;
    }

    /** What of the ranges lies inside a window. */
    static List<PhysicalRange> inside(PhysicalRange window, List<PhysicalRange> ranges) {
        List<PhysicalRange> inside = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            if (range.overlaps(window)) {
                inside.add(PhysicalRange.between(
                        Math.max(range.baseHpa(), window.baseHpa()), Math.min(range.endHpa(), window.endHpa())));
            }
        }
        return inside;
    }

    /** What of a window lies in none of the ranges. */
    static List<PhysicalRange> holes(PhysicalRange window, List<PhysicalRange> ranges) {
        List<PhysicalRange> holes = new ArrayList<>();
        long covered = window.baseHpa();
        for (PhysicalRange range : inside(window, ranges)) {
            if (range.baseHpa() > covered) {
                holes.add(PhysicalRange.between(covered, range.baseHpa()));
            }
            covered = range.endHpa();
        }
        if (covered < window.endHpa()) {
            holes.add(PhysicalRange.between(covered, window.endHpa()));
        }
        return holes;
    }

    /** What of some ranges lies in none of the others. */
    static List<PhysicalRange> without(List<PhysicalRange> ranges, List<PhysicalRange> others) {
        List<PhysicalRange> rest = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            rest.addAll(holes(range, others));
        }
        return rest;
    }
}
