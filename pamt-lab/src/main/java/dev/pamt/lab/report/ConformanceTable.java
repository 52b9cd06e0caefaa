package dev.pamt.lab.report;

import dev.pamt.seamcall.conformance.Litmus;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.conformance.Skip;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** How a backend compares to the recorded module, as text. */
public final class ConformanceTable {
    private static final int WIDTH = 120;
    private static final String INDENT = "    ";

    private ConformanceTable() {}

    /**
     * A table of the recordings.
     *
     * @param results a row for each
     * @return lines
     */
    public static List<String> files(List<ReplayResult> results) {
        TextTable table = new TextTable(
                "\nrecording", "\ncalls", "\nevents", "lines skipped\nwholly or partly", "\ndifferences", "\nresult");
        for (ReplayResult result : results) {
            table.row(
                    result.file(),
                    Text.count(result.calls()),
                    Text.count(result.events()),
                    Text.count(skippedLines(result)),
                    Text.count(result.differences().size()),
                    verdict(result));
        }
        table.row(
                Text.count(results.size(), "recording"),
                Text.count(results.stream().mapToLong(ReplayResult::calls).sum()),
                Text.count(results.stream().mapToLong(ReplayResult::events).sum()),
                Text.count(results.stream()
                        .mapToLong(ConformanceTable::skippedLines)
                        .sum()),
                Text.count(
                        results.stream().mapToLong(r -> r.differences().size()).sum()),
                Text.count(results.stream().filter(ReplayResult::passed).count()) + " passed");
        return table.lines();
    }

    private static String verdict(ReplayResult result) {
        if (result.skipped()) {
            return "skipped";
        }
        return result.passed() ? "passed" : "failed";
    }

    private static long skippedLines(ReplayResult result) {
        return result.skips().stream().mapToLong(Skip::lines).sum();
    }

    /**
     * What was skipped, and why.
     *
     * @param results the results
     * @return lines; none if nothing was skipped
     */
    public static List<String> skips(List<ReplayResult> results) {
        List<String> lines = new ArrayList<>();
        for (ReplayResult result : results) {
            for (Skip skip : result.skips()) {
                lines.add(String.format(
                        "skipped  %s  %s from line %d: %s",
                        result.file(), Text.count(skip.lines(), "line"), skip.firstLine(), skip.reason()));
            }
        }
        return lines;
    }

    /**
     * The leaves that were called, with the statuses that were recorded for them.
     *
     * @param results the results
     * @return lines
     */
    public static List<String> coverage(List<ReplayResult> results) {
        SortedMap<String, SortedMap<String, Integer>> all = new TreeMap<>();
        for (ReplayResult result : results) {
            result.coverage()
                    .forEach((leaf, statuses) -> statuses.forEach((status, calls) ->
                            all.computeIfAbsent(leaf, any -> new TreeMap<>()).merge(status, calls, Integer::sum)));
        }
        List<String> lines = new ArrayList<>();
        all.forEach((leaf, statuses) -> {
            long calls =
                    statuses.values().stream().mapToLong(Integer::longValue).sum();
            String covered = statuses.size() == 1 ? "1 status" : statuses.size() + " statuses";
            lines.add(leaf + ": " + Text.count(calls, "call") + ", " + covered);
            lines.addAll(wrap(statuses));
        });
        return lines;
    }

    private static List<String> wrap(Map<String, Integer> statuses) {
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder(INDENT);
        for (Map.Entry<String, Integer> status : statuses.entrySet()) {
            String word = status.getKey() + " " + Text.count(status.getValue().longValue());
            if (line.length() > INDENT.length() && line.length() + word.length() + 2 > WIDTH) {
                lines.add(line.toString().stripTrailing());
                line.setLength(INDENT.length());
            }
            line.append(word).append("  ");
        }
        lines.add(line.toString().stripTrailing());
        return lines;
    }

    /**
     * A table of races.
     *
     * @param results a row for each
     * @return lines
     */
    public static List<String> races(List<Litmus.Result> results) {
        TextTable table = new TextTable("\nrace", "\nrounds", "outcomes\nrecorded", "\nseen", "seen\noutside");
        for (Litmus.Result result : results) {
            table.row(
                    result.name(),
                    Text.count(result.rounds()),
                    Text.count(result.expected()),
                    Text.count(result.inside().size()),
                    Text.count(result.outside().size()));
        }
        table.row(
                Text.count(results.size(), "race"),
                Text.count(results.stream().mapToLong(Litmus.Result::rounds).sum()),
                Text.count(results.stream().mapToLong(Litmus.Result::expected).sum()),
                Text.count(results.stream().mapToLong(r -> r.inside().size()).sum()),
                Text.count(results.stream().mapToLong(r -> r.outside().size()).sum()));
        return table.lines();
    }
}
