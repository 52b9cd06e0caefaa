package dev.pamt.benchmarks;

import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** The scores of one benchmark with its parameters: one for each fork. */
record Scores(List<Double> forks) {
    double median() {
        List<Double> sorted = forks.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }

    double least() {
        return Collections.min(forks);
    }

    double most() {
        return Collections.max(forks);
    }

    /** The lowest and the highest fork, in units of that many of what was measured. */
    String spread(double unit) {
        return String.format(Locale.ROOT, "%.1f to %.1f", least() / unit, most() / unit);
    }
}
