package dev.pamt.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Prints the table of docs/performance.md from JMH results ({@code -rf json}): for each target the ratio that was measured,
 * as the median over forks, and how far the forks lie apart.
 *
 * <p>{@code Report results.json [more.json ...]}; rows whose benchmarks did not run are left out. Each file is a run of its
 * own: no row compares what was measured in different runs.
 */
public final class Report {
    /** The scores of one benchmark with its parameters: one for each fork. */
    private record Scores(List<Double> forks) {
        double median() {
            List<Double> sorted = new ArrayList<>(forks);
            Collections.sort(sorted);
            int middle = sorted.size() / 2;
            return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
        }

        double least() {
            return Collections.min(forks);
        }

        double most() {
            return Collections.max(forks);
        }
    }

    private final Map<String, Scores> results = new HashMap<>();

    private Report() {}

    public static void main(String[] args) throws IOException {
        System.out.println("Measured on " + machine() + ".");
        System.out.println();
        System.out.println("| what | target | measured | spread over forks |");
        System.out.println("|---|---|---|---|");
        for (String file : args) {
            Report report = new Report();
            report.read(new ObjectMapper().readTree(new File(file)));
            report.print();
        }
    }

    /** The processor, how many of it there are, and the Java virtual machine. */
    private static String machine() throws IOException {
        Path cpuinfo = Path.of("/proc/cpuinfo");
        String processor = System.getProperty("os.arch");
        if (Files.isReadable(cpuinfo)) {
            processor = Files.readAllLines(cpuinfo).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(processor);
        }
        return processor + ", " + Runtime.getRuntime().availableProcessors() + " processors, "
                + System.getProperty("java.vm.name") + " " + Runtime.version();
    }

    private void read(JsonNode json) {
        for (JsonNode run : json) {
            StringBuilder key =
                    new StringBuilder(run.get("benchmark").textValue().replace("dev.pamt.benchmarks.", ""));
            run.path("params").properties().forEach(param -> {
                if (!param.getKey().equals("seamcallNanos")) {
                    key.append(' ').append(param.getValue().textValue());
                }
            });
            if (run.get("mode").textValue().equals("sample")) {
                results.put(key + " p99", new Scores(p99OfEachFork(run.get("primaryMetric"))));
                run.path("secondaryMetrics").properties().forEach(metric -> {
                    if (metric.getValue().path("scorePercentiles").has("99.0")) {
                        String member = metric.getKey();
                        results.put(
                                key.toString().replaceFirst("\\.[^ ]*", "." + member) + " p99",
                                new Scores(p99OfEachFork(metric.getValue())));
                    }
                });
            } else {
                results.put(key.toString(), new Scores(medianOfEachFork(run.get("primaryMetric"))));
            }
            JsonNode allocated = run.path("secondaryMetrics").path("gc.alloc.rate.norm");
            if (!allocated.isMissingNode()) {
                results.put(key + " B/op", new Scores(medianOfEachFork(allocated)));
            }
        }
    }

    /** From the histograms, where there are any: for each fork, for each iteration, how often each time was seen. */
    private static List<Double> p99OfEachFork(JsonNode metric) {
        if (!metric.has("rawDataHistogram")) {
            // JMH writes none for the members of a group; this is the percentile over all forks.
            return List.of(metric.get("scorePercentiles").get("99.0").doubleValue());
        }
        List<Double> forks = new ArrayList<>();
        for (JsonNode fork : metric.get("rawDataHistogram")) {
            NavigableMap<Double, Long> seen = new TreeMap<>();
            fork.forEach(iteration -> iteration.forEach(bucket ->
                    seen.merge(bucket.get(0).doubleValue(), bucket.get(1).longValue(), Long::sum)));
            forks.add(percentile(seen, 0.99));
        }
        return forks;
    }

    private static double percentile(NavigableMap<Double, Long> seen, double part) {
        long left = (long) Math.ceil(
                part * seen.values().stream().mapToLong(Long::longValue).sum());
        for (Map.Entry<Double, Long> time : seen.entrySet()) {
            left -= time.getValue();
            if (left <= 0) {
                return time.getKey();
            }
        }
        return seen.lastKey();
    }

    private static List<Double> medianOfEachFork(JsonNode metric) {
        List<Double> forks = new ArrayList<>();
        for (JsonNode fork : metric.get("rawData")) {
            List<Double> iterations = new ArrayList<>();
            fork.forEach(score -> iterations.add(score.doubleValue()));
            forks.add(new Scores(iterations).median());
        }
        return forks;
    }

    private void print() {
        ratio(
                "warm get+put, one thread, against a bare AtomicInteger",
                "at most 1.25 x",
                "WarmGetPut.striding ours-per2M",
                "WarmGetPut.striding bare-atomic");
        for (String rival : List.of("v6-dec-and-lock", "netty-refcnt")) {
            ratio(
                    "the same against " + rival,
                    "at most 1 x",
                    "WarmGetPut.striding ours-per2M",
                    "WarmGetPut.striding " + rival);
        }
        ratio(
                "our words without the way to them, against a bare AtomicInteger",
                "(the protocol)",
                "WarmGetPut.striding ours-words",
                "WarmGetPut.striding bare-atomic");
        for (String rival : List.of("bare-atomic", "v6-dec-and-lock", "netty-refcnt")) {
            ratio(
                    "ours against " + rival + " that is reached by the same way",
                    "(the same lookup)",
                    "WarmGetPut.striding ours-per2M",
                    "WarmGetPut.striding sparse-" + rival);
        }
        bytes("warm get+put allocates", 0, "WarmGetPut.striding ours-per2M B/op");
        ratio(
                "warm get+put, two threads on one region, against the bare one",
                "at most 1.1 x",
                "SharedRegion.getPut ours-per2M",
                "SharedRegion.getPut bare-atomic");
        ratio(
                "the same: inc-not-zero + dec-and-lock against us",
                "at least 1.6 x",
                "SharedRegion.getPut v6-dec-and-lock",
                "SharedRegion.getPut ours-per2M");
        ratio(
                "neighbouring regions against regions far apart, two threads",
                "at most 1.15 x",
                "NeighbouringRegions.getPut 1 ours-per2M",
                "NeighbouringRegions.getPut 100 ours-per2M");
        ratio(
                "the same for an array without permutation",
                "(3.8 x)",
                "NeighbouringRegions.getPut 1 bare-varhandle",
                "NeighbouringRegions.getPut 100 bare-varhandle");
        ratio(
                "always-lock as merged against us, one thread",
                "at least 10 x",
                "WarmGetPut.oneRegion merged-always-lock",
                "WarmGetPut.oneRegion ours-per2M");
        ratio(
                "always-lock as merged against us, two threads",
                "at least 20 x",
                "SharedRegion.getPut merged-always-lock",
                "SharedRegion.getPut ours-per2M");
        ratio(
                "range of 511 pages against one page",
                "at most 2 x",
                "RangeGetPut.rangeOf511Pages per2M",
                "RangeGetPut.onePage per2M");
        for (String strategy : List.of("per2M", "hashed", "global")) {
            cycle(strategy);
        }
        bytes("0 -> 1 -> 0 allocates, per2M", 400, "Cycle.getPut per2M B/op");
        for (String callers : List.of("2", "8", "64")) {
            firstTouch(callers);
        }
        time("trim() of 100,000 idle regions", "SlowMoments.trim");
        time("close() of 64 TiB, each gigabyte touched", "SlowMoments.close");
        time("the first touch of a gigabyte", "SlowMoments.firstTouchOfAGigabyte");
        for (String strategy : List.of("ours-hashed", "ours-per2M")) {
            ratio(
                    "distinct regions, two threads, 4 us SEAMCALL: global against " + strategy,
                    "at least 1.9 x",
                    "DistinctTransitions.getPut ours-global",
                    "DistinctTransitions.getPut " + strategy);
        }
        for (String rival : List.of("ours-per2M", "ours-hashed", "ours-global", "merged-always-lock")) {
            String target = rival.equals("ours-per2M") ? "at most 1.2 x" : "(contrast)";
            ratio(
                    "p99 of a victim's warm get+put beside a noisy neighbour against alone, " + rival,
                    target,
                    "NoisyNeighbour.warmVictim " + rival + " p99",
                    "NoisyNeighbour.warmAlone " + rival + " p99");
            ratio(
                    "p99 of a victim's transition beside a noisy neighbour against alone, " + rival,
                    target,
                    "NoisyNeighbour.transitionVictim " + rival + " p99",
                    "NoisyNeighbour.transitionAlone " + rival + " p99");
        }
        difference(
                "allocPage+freePage beyond get+put",
                "at most 60 ns",
                "AllocatedPages.allocPageFreePage per2M",
                "AllocatedPages.getPut per2M");
        bytes("allocPage+freePage allocates", 0, "AllocatedPages.allocPageFreePage per2M B/op");
        perSecond("emulator, PAMT.ADD and REMOVE", "at least 3 million a second", "EmulatorCalls.pamtAddAndRemove");
    }

    private void ratio(String what, String target, String ours, String theirs) {
        Scores a = results.get(ours);
        Scores b = results.get(theirs);
        if (a != null && b != null) {
            row(
                    what,
                    target,
                    String.format(
                            Locale.ROOT, "%.2f x (%.1f ns : %.1f ns)", a.median() / b.median(), a.median(), b.median()),
                    spread(a) + " : " + spread(b));
        }
    }

    private void difference(String what, String target, String ours, String theirs) {
        Scores a = results.get(ours);
        Scores b = results.get(theirs);
        if (a != null && b != null) {
            row(
                    what,
                    target,
                    String.format(Locale.ROOT, "%.1f ns", a.median() - b.median()),
                    spread(a) + " - " + spread(b));
        }
    }

    private void cycle(String strategy) {
        Scores ours = results.get("Cycle.getPut " + strategy);
        Scores raw = results.get("Cycle.twoSeamcalls " + strategy);
        if (ours != null && raw != null) {
            row(
                    "0 -> 1 -> 0 against the two raw SEAMCALLs, " + strategy,
                    "at most 1.15 x + 40 ns",
                    String.format(Locale.ROOT, "%.0f ns; %.0f ns allowed", ours.median(), 1.15 * raw.median() + 40),
                    spread(ours) + "; raw " + spread(raw));
        }
    }

    private void bytes(String what, int most, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(
                    what,
                    (most == 0 ? "" : "at most ") + most + " B/op",
                    String.format(Locale.ROOT, "%.1f B/op", scores.median()),
                    spread(scores));
        }
    }

    /** For each thread that is served, against one thread alone; and how much of it is the time to wake the threads. */
    private void firstTouch(String callers) {
        Scores all = results.get("FirstTouch.allHaveIt " + callers + " empty platform");
        Scores one = results.get("FirstTouch.allHaveIt 1 empty platform");
        Scores awake = results.get("FirstTouch.allHaveIt " + callers + " backed platform");
        if (all != null && one != null && awake != null) {
            double each = all.median() / Integer.parseInt(callers);
            row(
                    callers + " threads first touch one region, for each thread against one alone",
                    callers.equals("64") ? "at most 3 x" : "",
                    String.format(
                            Locale.ROOT,
                            "%.2f x (%.1f us : %.1f us); if it is backed already %.2f x",
                            each / one.median(),
                            each / 1000,
                            one.median() / 1000,
                            awake.median() / Integer.parseInt(callers) / one.median()),
                    spread(all) + " : " + spread(one));
        }
    }

    private void time(String what, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(what, "", String.format(Locale.ROOT, "%.2f ms", scores.median() / 1000), spread(scores) + " us");
        }
    }

    private void perSecond(String what, String target, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(
                    what,
                    target,
                    String.format(Locale.ROOT, "%.2f million a second", scores.median() / 1e6),
                    String.format(Locale.ROOT, "%.2f to %.2f", scores.least() / 1e6, scores.most() / 1e6));
        }
    }

    private static String spread(Scores scores) {
        return String.format(Locale.ROOT, "%.1f to %.1f", scores.least(), scores.most());
    }

    private static void row(String what, String target, String measured, String spread) {
        System.out.println("| " + what + " | " + target + " | " + measured + " | " + spread + " |");
    }
}
