package dev.pamt.lab.report;

import dev.pamt.lab.measure.ReplayResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Replays of a placement as a table, with what its columns mean. */
public final class ReplayTable {
    private static final List<String> LEGEND = List.of(
            "pairs             page pairs that are installed when all pages are in use; as many as ./lab measure says",
            "peak              memory of the most page pairs that were installed at one time",
            "ADDs, REMOVEs     SEAMCALLs that gave a page pair to the module, and that took it back by the last put",
            "idle              page pairs that the reclaim policy keeps after the last put; the close takes them back",
            "locks             locks that were taken by the last put",
            "get, put          time for one page, the least of the rounds, on one thread, with the work of the emulated module in it");

    private ReplayTable() {}

    /**
     * The table.
     *
     * @param results a row for each
     * @param pages the pages of the placement, 4K pages and huge pages each as one
     * @return lines
     */
    public static List<String> lines(List<ReplayResult> results, long pages) {
        TextTable table = new TextTable(
                "\nstrategy",
                "\nreclaim",
                "page\npairs",
                "\npeak",
                "\nADDs",
                "\nREMOVEs",
                "\nidle",
                "\nlocks",
                "get\nof a page",
                "put\nof a page");
        for (ReplayResult result : results) {
            table.row(
                    result.strategy(),
                    result.policy(),
                    Text.count(result.installedPairs()),
                    Text.bytes(result.stats().pairs().peakBytes()),
                    Text.count(result.stats().calls().adds()),
                    Text.count(result.stats().calls().removes()),
                    Text.count(result.stats().pairs().installed()),
                    Text.count(result.stats().locks().acquisitions()),
                    perPage(result.getNanos(), pages),
                    perPage(result.putNanos(), pages));
        }
        return table.lines();
    }

    private static String perPage(long nanos, long pages) {
        return pages == 0 ? "-" : String.format(Locale.ROOT, "%.1f ns", nanos / (double) pages);
    }

    /**
     * What the columns mean.
     *
     * @return lines
     */
    public static List<String> legend() {
        return LEGEND;
    }

    /**
     * What is wrong.
     *
     * @param results the results
     * @return a line for each finding; none if all is well
     */
    public static List<String> findings(List<ReplayResult> results) {
        List<String> findings = new ArrayList<>();
        for (ReplayResult result : results) {
            String where = result.strategy() + ", " + result.policy() + ": ";
            if (!result.failure().isEmpty()) {
                findings.add(where + result.failure());
            }
            if (result.installedPairs() != result.measuredPairs()) {
                findings.add(where + Text.count(result.installedPairs(), "page pair") + " installed, where "
                        + Text.count(result.measuredPairs()) + " were measured");
            }
            if (result.leftPairs() != 0) {
                findings.add(where + Text.count(result.leftPairs(), "page pair")
                        + " installed after the last put and the close");
            }
        }
        return findings;
    }
}
