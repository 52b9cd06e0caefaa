package dev.pamt.seamcall;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;

/**
 * Sets of host physical addresses as lists of ranges, which are ascending and apart from each other unless a method says
 * otherwise. What is returned is a list of its own, which the caller may change.
 *
 * <p>Stateless, so any number of threads may call it at once.
 */
public final class PhysicalRanges {
    private PhysicalRanges() {}

    /**
     * Returns all that lies in one of the ranges; ranges that touch each other are one.
     *
     * @param ranges ranges in any order, which may overlap
     * @return their union
     */
    public static List<PhysicalRange> union(Collection<PhysicalRange> ranges) {
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

    /**
     * Returns what of some ranges lies inside a window.
     *
     * @param window a range
     * @param ranges ranges in any order
     * @return the parts inside, in the order of the ranges
     */
    public static List<PhysicalRange> inside(PhysicalRange window, List<PhysicalRange> ranges) {
        List<PhysicalRange> inside = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            if (range.overlaps(window)) {
                inside.add(PhysicalRange.between(
                        Math.max(range.baseHpa(), window.baseHpa()), Math.min(range.endHpa(), window.endHpa())));
            }
        }
        return inside;
    }

    /**
     * Returns what of some ranges lies in others as well.
     *
     * @param ranges ranges
     * @param others ranges
     * @return the parts, those of the first range first
     */
    public static List<PhysicalRange> intersection(List<PhysicalRange> ranges, List<PhysicalRange> others) {
        List<PhysicalRange> both = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            both.addAll(inside(range, others));
        }
        return both;
    }

    /**
     * Returns what of a window lies in none of the ranges.
     *
     * @param window a range
     * @param ranges ranges, ascending and apart
     * @return the holes
     */
    public static List<PhysicalRange> holes(PhysicalRange window, List<PhysicalRange> ranges) {
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

    /**
     * Returns what of some ranges lies in none of some others.
     *
     * @param ranges ranges
     * @param others ranges, ascending and apart
     * @return the rest of the ranges
     */
    public static List<PhysicalRange> without(List<PhysicalRange> ranges, List<PhysicalRange> others) {
        List<PhysicalRange> rest = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            rest.addAll(holes(range, others));
        }
        return rest;
    }

    /**
     * Returns the ranges rounded out to multiples of a power of two, each as far as the one before it does not cover it.
     * Ranges that touch each other are not joined: each is one TDMR if the unit is 1 GiB.
     *
     * @param ranges ranges, ascending and apart
     * @param unit a power of two
     * @return ranges that begin and end at multiples of the unit
     */
    public static List<PhysicalRange> roundedOut(List<PhysicalRange> ranges, long unit) {
        List<PhysicalRange> rounded = new ArrayList<>();
        long covered = 0;
        for (PhysicalRange range : ranges) {
            long start = Math.max(covered, range.baseHpa() & -unit);
            long end = (range.endHpa() + unit - 1) & -unit;
            if (end > start) {
                rounded.add(PhysicalRange.between(start, end));
                covered = end;
            }
        }
        return rounded;
    }

    /**
     * Returns what of each range begins and ends at multiples of a power of two.
     *
     * @param ranges ranges
     * @param unit a power of two
     * @return the ranges rounded in; one without a whole unit is left out
     */
    public static List<PhysicalRange> roundedIn(List<PhysicalRange> ranges, long unit) {
        List<PhysicalRange> rounded = new ArrayList<>();
        for (PhysicalRange range : ranges) {
            long start = (range.baseHpa() + unit - 1) & -unit;
            long end = range.endHpa() & -unit;
            if (start < end) {
                rounded.add(PhysicalRange.between(start, end));
            }
        }
        return rounded;
    }
}
