package dev.pamt.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The scores of one run of JMH ({@code -rf json}), each by a key such as {@code WarmGetPut.striding ours-per2M}: the benchmark,
 * the values of its parameters and, if it is not the benchmark's time, which score it is.
 */
final class JmhResults {
    private static final String PACKAGE = "dev.pamt.benchmarks.";
    private static final String P99 = " p99";

    private final Map<String, Scores> scores = new HashMap<>();

    private JmhResults() {}

    static JmhResults read(String file) throws IOException {
        JmhResults results = new JmhResults();
        for (JsonNode run : new ObjectMapper().readTree(new File(file))) {
            results.add(run);
        }
        return results;
    }

    /** Returns the scores of a key, or null if that was not measured. */
    Scores get(String key) {
        return scores.get(key);
    }

    private void add(JsonNode run) {
        StringBuilder key = new StringBuilder(run.get("benchmark").textValue().replace(PACKAGE, ""));
        run.path("params").properties().forEach(param -> {
            if (!param.getKey().equals("seamcallNanos")) {
                key.append(' ').append(param.getValue().textValue());
            }
        });
        if (run.get("mode").textValue().equals("sample")) {
            addPercentiles(key.toString(), run);
        } else {
            addMedians(key.toString(), run);
        }
    }

    private void addMedians(String key, JsonNode run) {
        scores.put(key, new Scores(medianOfEachFork(run.get("primaryMetric"))));
        run.path("secondaryMetrics").properties().forEach(metric -> {
            String name = metric.getKey().equals("gc.alloc.rate.norm") ? "B/op" : metric.getKey();
            if (metric.getValue().has("rawData")) {
                scores.put(key + " " + name, new Scores(medianOfEachFork(metric.getValue())));
            }
        });
    }

    private void addPercentiles(String key, JsonNode run) {
        scores.put(key + P99, new Scores(p99OfEachFork(run.get("primaryMetric"))));
        run.path("secondaryMetrics").properties().forEach(metric -> {
            if (metric.getValue().path("scorePercentiles").has("99.0")) {
                String member = key.replaceFirst("\\.[^ ]*", "." + metric.getKey());
                scores.put(member + P99, new Scores(p99OfEachFork(metric.getValue())));
            }
        });
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
}
