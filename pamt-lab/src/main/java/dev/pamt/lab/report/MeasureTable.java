package dev.pamt.lab.report;

import dev.pamt.lab.measure.AddressUse;
import dev.pamt.lab.measure.Backing;
import dev.pamt.lab.measure.KvmVm;
import dev.pamt.lab.measure.Measurement;
import dev.pamt.lab.measure.Origin;
import dev.pamt.lab.measure.PamtFormula;
import dev.pamt.lab.measure.Placement;
import dev.pamt.lab.measure.RegionUse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a process needs, as text. */
public final class MeasureTable {
    private static final int PAGE_SHIFT = 12;
    private static final int PAGES_PER_REGION = 512;
    private static final int BAR_WIDTH = 40;
    private static final String NO_PAIRS = "-";

    private static final String DYNAMIC_LEGEND =
            "Dynamic PAMT   a page pair of 8 KiB for each 2M region of physical memory that holds a 4K page";
    private static final String WHOLE_LEGEND =
            "whole 2M       a 2M block of addresses with all its 512 pages present; a huge page can take their place";
    private static final String AT_MOST_LEGEND =
            "at most        each 4K page lies in a region of its own, as far as this machine has regions";
    private static final String STATIC_LEGEND =
            "static PAMT    by formula: 16 bytes for each 4K page, each 2M and each 1G of the process's memory";
    private static final String LEFT_OUT_LEGEND =
            "left out       the zero page, devices, the kernel's own pages, and pages that are mapped a second time";

    private MeasureTable() {}

    /**
     * What was looked at.
     *
     * @param measurement the measurement
     * @return lines
     */
    public static List<String> head(Measurement measurement) {
        if (measurement.placement().isPresent()) {
            return head(measurement.placement().get());
        }
        String subject =
                "measure     " + measurement.name() + " (pid " + measurement.pid() + "), without physical addresses";
        if (measurement.addresses().isPresent()) {
            AddressUse use = measurement.addresses().get();
            return List.of(subject, memory(use.totalPages(), use.swappedPages(), use.leftOutPages()));
        }
        return List.of(
                subject,
                "memory      " + bytes(measurement.residentPages()) + " resident in "
                        + Text.count(measurement.residentPages()) + " pages of 4K");
    }

    /**
     * What a placement is of.
     *
     * @param placement the placement
     * @return lines
     */
    public static List<String> head(Placement placement) {
        Origin origin = placement.origin();
        return List.of(
                "measure     " + origin.process() + ", taken " + origin.taken() + ", read from " + origin.readFrom(),
                memory(placement.use().totalPages(), origin.swappedPages(), origin.leftOutPages()));
    }

    private static String memory(long pages, long swapped, long leftOut) {
        return String.format(
                "memory      %s present in %s pages of 4K; %s swapped out, %s left out",
                bytes(pages), Text.count(pages), Text.count(swapped), Text.count(leftOut));
    }

    /**
     * The VMs of the process.
     *
     * @param vms their counters
     * @return a line for each
     */
    public static List<String> kvm(List<KvmVm> vms) {
        return vms.stream()
                .map(vm -> String.format(
                        "kvm         VM of descriptor %d: KVM has mapped %s, %s, %s",
                        vm.fd(),
                        Text.count(vm.pages4K(), "page") + " of 4K",
                        Text.count(vm.pages2M(), "page") + " of 2M",
                        Text.count(vm.pages1G(), "page") + " of 1G"))
                .toList();
    }

    /**
     * What PAMT takes of this machine, whatever processes it runs.
     *
     * @param ramPages its RAM in 4K pages; 0 if it is not known
     * @return a line; none if the RAM is not known
     */
    public static List<String> host(long ramPages) {
        return ramPages == 0
                ? List.of()
                : List.of(String.format(
                        "host        %s of RAM: static PAMT takes %s, Dynamic PAMT %s before the first page pair",
                        bytes(ramPages),
                        Text.bytes(PamtFormula.staticBytes(ramPages)),
                        Text.bytes(PamtFormula.dynamicBaseBytes(ramPages))));
    }

    /**
     * The results in full.
     *
     * @param measurement the measurement
     * @param ramPages the RAM of the machine in 4K pages; 0 if it is not known
     * @return lines
     */
    public static List<String> lines(Measurement measurement, long ramPages) {
        List<String> lines = new ArrayList<>();
        if (measurement.placement().isPresent()) {
            RegionUse use = measurement.placement().get().use();
            lines.addAll(backings(use));
            lines.add("");
            lines.addAll(needs(use));
            lines.add("");
            lines.addAll(fullness(use));
        } else {
            AddressUse use = measurement.addresses().orElseGet(() -> allSmall(measurement.residentPages()));
            if (measurement.addresses().isPresent()) {
                lines.addAll(backings(use));
                lines.add("");
            }
            lines.addAll(bounds(use, ramPages, measurement.addresses().isPresent()));
        }
        lines.add("");
        lines.add(DYNAMIC_LEGEND);
        lines.add(measurement.placement().isPresent() ? WHOLE_LEGEND : AT_MOST_LEGEND);
        lines.add(STATIC_LEGEND);
        lines.add(LEFT_OUT_LEGEND);
        return lines;
    }

    private static AddressUse allSmall(long pages) {
        return new AddressUse(pages, 0, 0, 0, 0, 0);
    }

    private static List<String> backings(RegionUse use) {
        TextTable table = new TextTable("\nbacking", "4K\npages", "\nmemory", "\nshare", "2M\nregions", "page\npairs");
        long total = use.totalPages();
        table.row(
                "4K",
                Text.count(use.smallPages()),
                bytes(use.smallPages()),
                share(use.smallPages(), total),
                Text.count(use.pairs()),
                Text.count(use.pairs()));
        for (Backing backing : List.of(Backing.THP_2M, Backing.HUGETLB_2M, Backing.HUGETLB_1G)) {
            long pages = use.pages(backing);
            table.row(
                    backing.title(),
                    Text.count(pages),
                    bytes(pages),
                    share(pages, total),
                    Text.count(pages / PAGES_PER_REGION),
                    "0");
        }
        table.row(
                "all",
                Text.count(total),
                bytes(total),
                share(total, total),
                Text.count(use.pairs() + use.largeRegions()),
                Text.count(use.pairs()));
        return table.lines();
    }

    private static List<String> backings(AddressUse use) {
        TextTable table = new TextTable("\nbacking", "4K\npages", "\nmemory", "\nshare");
        long total = use.totalPages();
        row(table, "4K", use.smallPages(), total);
        row(table, "THP 2M", use.thpPages(), total);
        row(table, "hugetlb", use.hugetlbPages(), total);
        row(table, "all", total, total);
        return table.lines();
    }

    private static void row(TextTable table, String backing, long pages, long total) {
        table.row(backing, Text.count(pages), bytes(pages), share(pages, total));
    }

    private static List<String> needs(RegionUse use) {
        TextTable table = needsTable();
        long total = use.totalPages();
        pairs(table, "Dynamic PAMT, pages as they lie", use.pairs(), total);
        pairs(table, "  4K pages in the fewest regions", use.fewestPairs(), total);
        pairs(table, "  a huge page for each whole 2M", use.pairsWithHugePages(), total);
        pairs(table, "  both", use.fewestPairsWithHugePages(), total);
        staticRow(table, total);
        return table.lines();
    }

    private static List<String> bounds(AddressUse use, long ramPages, boolean blocksKnown) {
        TextTable table = needsTable();
        long total = use.totalPages();
        pairs(table, "Dynamic PAMT, 4K pages in the fewest regions", use.fewestPairs(), total);
        if (blocksKnown) {
            pairs(table, "  a region for each 2M of addresses", use.smallBlocks(), total);
        }
        pairs(table, "  at most", use.mostPairs(ramPages), total);
        staticRow(table, total);
        return table.lines();
    }

    private static TextTable needsTable() {
        return new TextTable("\npage metadata", "page\npairs", "\nmemory", "of the\nprocess");
    }

    private static void pairs(TextTable table, String what, long pairs, long totalPages) {
        long bytes = RegionUse.pairBytes(pairs);
        table.row(what, Text.count(pairs), Text.bytes(bytes), percent(bytes, totalPages << PAGE_SHIFT));
    }

    private static void staticRow(TextTable table, long totalPages) {
        long bytes = PamtFormula.staticBytes(totalPages);
        table.row("static PAMT", NO_PAIRS, Text.bytes(bytes), percent(bytes, totalPages << PAGE_SHIFT));
    }

    /** How full the regions with 4K pages are, in powers of two. */
    private static List<String> fullness(RegionUse use) {
        List<String> lines = new ArrayList<>();
        lines.add("4K pages in");
        String heading = String.format("%-12s  %12s  %12s", "a region", "regions", "4K pages");
        lines.add(heading);
        lines.add("-".repeat(heading.length() + 2 + BAR_WIDTH));
        long most = 1;
        for (int from = 1; from <= PAGES_PER_REGION; from *= 2) {
            most = Math.max(most, use.regionsWith(from, last(from)));
        }
        for (int from = 1; from <= PAGES_PER_REGION; from *= 2) {
            long regions = use.regionsWith(from, last(from));
            // Every bucket that is not empty shows.
            int bar = (int) ((regions * BAR_WIDTH + most - 1) / most);
            lines.add(String.format(
                            Locale.ROOT,
                            "%-12s  %12s  %12s  %s",
                            from == last(from) ? Integer.toString(from) : from + " to " + last(from),
                            Text.count(regions),
                            Text.count(use.pagesInRegionsWith(from, last(from))),
                            "#".repeat(bar))
                    .stripTrailing());
        }
        return lines;
    }

    private static int last(int from) {
        return Math.min(2 * from - 1, PAGES_PER_REGION);
    }

    /**
     * The heading of the table that watching a process makes.
     *
     * @return lines
     */
    public static List<String> watchHeading() {
        String heading = String.format(
                "%10s  %10s  %12s  %12s  %12s  %12s  %10s  %8s",
                "seconds", "memory", "4K pages", "in THP", "in hugetlb", "page pairs", "bytes", "percent");
        return List.of(heading, "-".repeat(heading.length()));
    }

    /**
     * A row of that table.
     *
     * @param nanos the time since the first row
     * @param measurement what was found
     * @return a line; the number of pairs is the least that is possible, with {@code >=}, if physical addresses are hidden
     */
    public static String watchRow(long nanos, Measurement measurement) {
        if (measurement.placement().isPresent()) {
            RegionUse use = measurement.placement().get().use();
            return watchRow(
                    nanos,
                    use.totalPages(),
                    use.smallPages(),
                    use.pages(Backing.THP_2M),
                    use.pages(Backing.HUGETLB_2M) + use.pages(Backing.HUGETLB_1G),
                    use.pairs(),
                    "");
        }
        AddressUse use = measurement.addresses().orElseGet(() -> allSmall(measurement.residentPages()));
        return watchRow(
                nanos, use.totalPages(), use.smallPages(), use.thpPages(), use.hugetlbPages(), use.fewestPairs(), ">=");
    }

    private static String watchRow(
            long nanos, long total, long small, long thp, long hugetlb, long pairs, String least) {
        long bytes = RegionUse.pairBytes(pairs);
        return String.format(
                Locale.ROOT,
                "%10.1f  %10s  %12s  %12s  %12s  %12s  %10s  %8s",
                nanos / 1e9,
                bytes(total),
                Text.count(small),
                Text.count(thp),
                Text.count(hugetlb),
                least + Text.count(pairs),
                Text.bytes(bytes),
                percent(bytes, total << PAGE_SHIFT));
    }

    private static String bytes(long pages) {
        return Text.bytes(pages << PAGE_SHIFT);
    }

    private static String share(long pages, long total) {
        return total == 0 ? NO_PAIRS : String.format(Locale.ROOT, "%.1f %%", 100.0 * pages / total);
    }

    private static String percent(long bytes, long total) {
        return total == 0 ? NO_PAIRS : String.format(Locale.ROOT, "%.3f %%", 100.0 * bytes / total);
    }
}
