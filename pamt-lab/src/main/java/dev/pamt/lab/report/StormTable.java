package dev.pamt.lab.report;

import dev.pamt.api.PamtStats;
import dev.pamt.lab.storm.StormResult;
import java.util.ArrayList;
import java.util.List;

/** The results of a storm as a table, with what its columns mean. */
public final class StormTable {
    private static final List<String> LEGEND = List.of(
            "pages/s fault     guest pages faulted per second, by all vCPUs of all TDs together, after a warm-up",
            "pages/s shutdown  guest pages given back per second",
            "ADDs, REMOVEs     page pairs given to the module and taken back: 8 KiB for each 2M region in use",
            "contended         locks found taken by a transition of the same region (true) / of another region (false)",
            "wait time         time that all threads together have waited for these locks",
            "lost races        gets that had a pair ready when another vCPU had just backed the region",
            "BUSY              SEAMCALLs that the module answered with TDX_OPERAND_BUSY at the first try",
            "peak pairs        the most page pairs that were installed at one time, and their memory",
            "leaks             pairs still installed and pages not given back at the end; anything but 0 is a bug");

    private StormTable() {}

    /**
     * The table.
     *
     * @param results a row for each
     * @return lines
     */
    public static List<String> lines(List<StormResult> results) {
        TextTable table = new TextTable(
                "\nstrategy",
                "pages/s\nfault",
                "pages/s\nshutdown",
                "\nADDs",
                "\nREMOVEs",
                "contended\ntrue / false",
                "wait\ntime",
                "lost\nraces",
                "\nBUSY",
                "peak\npairs",
                "\nleaks");
        for (StormResult result : results) {
            PamtStats stats = result.stats();
            table.row(
                    result.strategy(),
                    Text.count(result.faultPagesPerSecond()),
                    Text.count(result.shutdownPagesPerSecond()),
                    Text.count(stats.calls().adds()),
                    Text.count(stats.calls().removes()),
                    Text.count(stats.locks().contendedTrue()) + " / "
                            + Text.count(stats.locks().contendedFalse()),
                    Text.time(stats.locks().waitNanos()),
                    Text.count(stats.calls().lostRaces()),
                    Text.count(stats.calls().busy()),
                    Text.count(stats.pairs().peak()) + " ("
                            + Text.bytes(stats.pairs().peakBytes()) + ")",
                    Text.count(result.leaks()));
        }
        return table.lines();
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
    public static List<String> findings(List<StormResult> results) {
        List<String> findings = new ArrayList<>();
        for (StormResult result : results) {
            if (!result.failure().isEmpty()) {
                findings.add(result.strategy() + ": " + result.failure());
            }
            if (result.leaks() != 0) {
                findings.add(String.format(
                        "%s: %s still installed, %s not given back",
                        result.strategy(),
                        Text.count(result.leakedPairs(), "page pair"),
                        Text.count(result.leakedPages(), "page")));
            }
        }
        return findings;
    }
}
