package dev.pamt.impl.faults;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which pages the module has: as pairs of regions, or perhaps, since no one has been told. */
final class PairBooks {
    /** A pair, by its pages. */
    record Pair(long page0Hpa, long page1Hpa) {
        List<Long> pages() {
            return List.of(page0Hpa, page1Hpa);
        }
    }

    private final Map<Long, Pair> installed = new HashMap<>();
    private final Map<Long, Pair> lastPairOf = new HashMap<>();
    private final Set<Long> lostPages = new HashSet<>();

    void installed(long regionHpa, Pair pair) {
        installed.put(regionHpa, pair);
        lastPairOf.put(pair.page0Hpa, pair);
        lastPairOf.put(pair.page1Hpa, pair);
    }

    /** Strikes the pair of a region out. */
    void removed(long regionHpa) {
        installed.remove(regionHpa);
    }

    /** The pair of a region, or null. */
    Pair installedIn(long regionHpa) {
        return installed.get(regionHpa);
    }

    /** Notes that a pair must never be seen again. */
    void lose(Pair pair) {
        lostPages.addAll(pair.pages());
    }

    /** Notes that the pair, which a page has come back with, must never be seen again. */
    void losePairOf(long pageHpa) {
        lose(lastPairOf.get(pageHpa));
    }

    boolean isLost(long pageHpa) {
        return lostPages.contains(pageHpa);
    }

    /** The pages that the host does not get back. */
    Set<Long> lostOrInstalled() {
        Set<Long> pages = new HashSet<>(lostPages);
        installed.values().forEach(pair -> pages.addAll(pair.pages()));
        return pages;
    }

    boolean isInstalled(long pageHpa) {
        for (Pair pair : installed.values()) {
            if (pair.page0Hpa == pageHpa || pair.page1Hpa == pageHpa) {
                return true;
            }
        }
        return false;
    }

    /** Whether the host must not have a page of a range back. */
    boolean holdsAnyOf(long hpa, long bytes) {
        for (Pair pair : installed.values()) {
            if (isIn(pair.page0Hpa, hpa, bytes) || isIn(pair.page1Hpa, hpa, bytes)) {
                return true;
            }
        }
        return lostPages.stream().anyMatch(page -> isIn(page, hpa, bytes));
    }

    private static boolean isIn(long page, long hpa, long bytes) {
        return page >= hpa && page < hpa + bytes;
    }
}
