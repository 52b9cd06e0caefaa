package dev.pamt.lab.report;

import dev.pamt.api.PamtStats;
import dev.pamt.lab.storm.Spread;
import dev.pamt.lab.storm.StormResult;
import dev.pamt.lab.storm.StormRounds;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The results of a storm as a table, with what its columns mean. */
public final class StormTable {
    private static final List<String> LEGEND = List.of(
            "M pages/s         million guest pages faulted and given back per second, by all vCPUs of all TDs together:",
            "                  the median over the rounds (the least - the most)",
            "CPU/page          processor time of all vCPUs for one guest page, from its fault to its return; median",
            "ADDs              page pairs given to the module, 8 KiB for each 2M region in use, and taken back; median",
            "contended         locks found taken by a transition of the same region (true) / of another region (false); median",
            "wait time         time that all threads together have waited for these locks; median",
            "lost races        gets that had a pair ready when another vCPU had just backed the region; median",
            "BUSY              SEAMCALLs of any kind that the module answered with TDX_OPERAND_BUSY; most",
            "peak pairs        memory of the most page pairs that were installed at one time; most",
            "leaks             pairs still installed and pages not given back in all rounds; anything but 0 is a bug");

    private StormTable() {}

    /**
     * The table.
     *
     * @param strategies a row for each
     * @return lines
     */
    public static List<String> lines(List<StormRounds> strategies) {
        TextTable table = new TextTable(
                "\nstrategy",
                "M pages/s\nfault",
                "M pages/s\nshutdown",
                "CPU/\npage",
                "\nADDs",
                "contended\ntrue / false",
                "wait\ntime",
                "lost\nraces",
                "\nBUSY",
                "peak\npairs",
                "\nleaks");
        for (StormRounds rounds : strategies) {
            table.row(
                    rounds.strategy(),
                    millions(rounds.faultPagesPerSecond()),
                    millions(rounds.shutdownPagesPerSecond()),
                    String.format(
                            Locale.ROOT, "%.0f ns", rounds.cpuNanosPerPage().median()),
                    Text.count(Math.round(
                            rounds.over(result -> result.calls().adds()).median())),
                    median(rounds, stats -> stats.locks().contendedTrue()) + " / "
                            + median(rounds, stats -> stats.locks().contendedFalse()),
                    Text.time(Math.round(
                            over(rounds, stats -> stats.locks().waitNanos()).median())),
                    median(rounds, stats -> stats.calls().lostRaces()),
                    Text.count(
                            (long) rounds.over(result -> result.calls().busy()).most()),
                    Text.bytes((long)
                            over(rounds, stats -> stats.pairs().peakBytes()).most()),
                    Text.count(rounds.leaks()));
        }
        return table.lines();
    }

    private static String millions(Spread perSecond) {
        return String.format(
                Locale.ROOT,
                "%.2f (%.2f-%.2f)",
                perSecond.median() / 1e6,
                perSecond.least() / 1e6,
                perSecond.most() / 1e6);
    }

    private static Spread over(StormRounds rounds, ToDoubleFunction<PamtStats> count) {
        return rounds.over(result -> count.applyAsDouble(result.stats()));
    }

    private static String median(StormRounds rounds, ToDoubleFunction<PamtStats> count) {
        return Text.count(Math.round(over(rounds, count).median()));
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
     * @param strategies the results
     * @return a line for each finding; none if all is well
     */
    public static List<String> findings(List<StormRounds> strategies) {
        List<String> findings = new ArrayList<>();
        for (StormRounds rounds : strategies) {
            for (int round = 0; round < rounds.results().size(); round++) {
                addFindings(
                        findings,
                        rounds.strategy() + ", round " + (round + 1),
                        rounds.results().get(round));
            }
        }
        return findings;
    }

    private static void addFindings(List<String> findings, String where, StormResult result) {
        if (!result.failure().isEmpty()) {
            findings.add(where + ": " + result.failure());
        }
        if (result.leaks() != 0) {
            findings.add(String.format(
                    "%s: %s still installed, %s not given back",
                    where, Text.count(result.leakedPairs(), "page pair"), Text.count(result.leakedPages(), "page")));
        }
    }
}
