package dev.pamt.lab.report;

import dev.pamt.lab.footprint.Footprint;
import dev.pamt.lab.footprint.HostSpan;
import dev.pamt.lab.footprint.ManagerHeap;
import dev.pamt.lab.measure.PamtFormula;
import dev.pamt.lab.measure.RegionUse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Footprints as text. */
public final class FootprintTable {
    private static final int PAGE_SHIFT = 12;

    /** Less than this shows no digit that is not 0. */
    private static final double LEAST_PERCENT = 0.0001;

    private FootprintTable() {}

    /**
     * The pairs of TDs.
     *
     * @param footprints a row for each
     * @return lines
     */
    public static List<String> guests(List<Footprint> footprints) {
        TextTable table = new TextTable(
                "\nTDs",
                "memory\nof each",
                "mapped\nas",
                "S-EPT and\ncontrol pages",
                "page\npairs",
                "\nmemory",
                "of the\nguests",
                "at\nmost",
                "without\na pair",
                "static\nPAMT");
        for (Footprint footprint : footprints) {
            long pages = footprint.memoryPages();
            table.row(
                    Text.count(footprint.tds()),
                    Text.bytes(footprint.shape().memoryBytes()),
                    footprint.shape().mapping().title(),
                    Text.count(footprint.otherPages()),
                    Text.count(footprint.pairs()),
                    pairs(footprint.pairs()),
                    percent(RegionUse.pairBytes(footprint.pairs()), pages),
                    pairs(footprint.mostPairs()),
                    Text.bytes(PamtFormula.dynamicBaseBytes(pages)),
                    Text.bytes(PamtFormula.staticBytes(pages)));
        }
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("");
        lines.add("page pairs      as counted by the manager, with all memory of the guests in use");
        lines.add("memory          of these pairs, and its part of the guests' memory");
        lines.add("at most         if each S-EPT and control page lies in a 2M region of its own");
        lines.add(
                "without a pair  Dynamic PAMT's entries for 2M and 1G and its bitmap, for as much memory; by formula");
        lines.add("static PAMT     16 bytes for each 4K page, each 2M and each 1G, for as much memory; by formula");
        return lines;
    }

    /**
     * What must be set aside for a TD so that it cannot run out of page pairs, beside what it uses.
     *
     * @param smallest TDs that are mapped as 4K pages, the worst case
     * @param used the pairs of the same TDs by the title of another mapping
     * @return lines
     */
    public static List<String> admission(List<Footprint> smallest, Map<String, List<Footprint>> used) {
        List<String> headings = new ArrayList<>(List.of(
                "\nTDs",
                "memory\nof each",
                "set aside\nfor the guest",
                "\nin percent",
                "and for S-EPT,\ncontrol pages"));
        used.keySet().forEach(mapping -> headings.add("used if\nmapped as " + mapping));
        TextTable table = new TextTable(headings.toArray(String[]::new));
        for (int i = 0; i < smallest.size(); i++) {
            Footprint worst = smallest.get(i);
            List<String> cells = new ArrayList<>(List.of(
                    Text.count(worst.tds()),
                    Text.bytes(worst.shape().memoryBytes()),
                    pairs(worst.guestPairs()),
                    percent(RegionUse.pairBytes(worst.guestPairs()), worst.memoryPages()),
                    pairs(worst.otherPages())));
            for (List<Footprint> footprints : used.values()) {
                cells.add(pairs(footprints.get(i).pairs()));
            }
            table.row(cells.toArray(String[]::new));
        }
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("");
        lines.add(
                "set aside       a pair for each 2M region of guest memory: the guest decides how its memory is mapped");
        lines.add("S-EPT, control  a pair for each page of them: each may lie in a region that nothing else uses");
        return lines;
    }

    /**
     * What a host keeps to know which region is in use.
     *
     * @param spans hosts
     * @param heaps what the manager keeps on each
     * @return lines
     */
    public static List<String> bookkeeping(List<HostSpan> spans, List<ManagerHeap> heaps) {
        TextTable table = new TextTable(
                "\nRAM",
                "\nup to",
                "static\nPAMT",
                "Dynamic PAMT\nwithout a pair",
                "Linux:\nflat array",
                "Linux v2:\nsparse array",
                "this library\nidle",
                "all regions\ntouched",
                "TDX module\n1.5.25");
        for (int i = 0; i < spans.size(); i++) {
            HostSpan span = spans.get(i);
            table.row(
                    Text.bytes(span.ramBytes()),
                    end(span.endHpa()),
                    Text.bytes(PamtFormula.staticBytes(span.pages())),
                    Text.bytes(PamtFormula.dynamicBaseBytes(span.pages())),
                    Text.bytes(span.flatCountBytes()),
                    Text.bytes(span.sparseCountBytes()),
                    Text.bytes(heaps.get(i).idleBytes()),
                    Text.bytes(heaps.get(i).touchedBytes()),
                    span.moduleTakesDynamicPamt() ? "takes it" : "refuses it");
        }
        List<String> lines = new ArrayList<>(table.lines());
        lines.add("");
        lines.add(
                "Linux           4 bytes for each 2M: as merged of all addresses below the end of RAM, in v2 of the RAM");
        lines.add("this library    heap of a manager, measured; idle, and after each region was in use once");
        lines.add(
                "TDX module      TDH.SYS.CONFIG refuses Dynamic PAMT where RAM lies above 2^48; static PAMT is used then");
        return lines;
    }

    /** An address as a power of two if it is one. */
    private static String end(long hpa) {
        return Long.bitCount(hpa) == 1 && hpa >= 1L << 48 ? "2^" + Long.numberOfTrailingZeros(hpa) : Text.bytes(hpa);
    }

    /**
     * What is wrong.
     *
     * @param footprints footprints
     * @return a line for each finding; none if all is well
     */
    public static List<String> findings(List<Footprint> footprints) {
        return footprints.stream()
                .filter(footprint -> footprint.leftPairs() != 0)
                .map(footprint -> String.format(
                        "%s of %s mapped as %s: %s left when all were gone",
                        Text.count(footprint.tds(), "TD"),
                        Text.bytes(footprint.shape().memoryBytes()),
                        footprint.shape().mapping().title(),
                        Text.count(footprint.leftPairs(), "page pair")))
                .toList();
    }

    private static String pairs(long pairs) {
        return Text.bytes(RegionUse.pairBytes(pairs));
    }

    private static String percent(long bytes, long pages) {
        double percent = 100.0 * bytes / (pages << PAGE_SHIFT);
        return percent > 0 && percent < LEAST_PERCENT ? "< 0.0001 %" : String.format(Locale.ROOT, "%.4f %%", percent);
    }
}
