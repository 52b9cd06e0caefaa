package dev.pamt.lab.storm;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A value over some rounds.
 *
 * <p>Immutable and thread-safe.
 *
 * @param median half of the rounds have at most this; between the two in the middle if their number is even
 * @param least the least of a round
 * @param most the most of a round
 */
public record Spread(double median, double least, double most) {
    /**
     * Computes the spread of values in any order.
     *
     * @param values at least one value
     * @return their spread
     * @throws IllegalArgumentException if there is none
     */
    public static Spread of(Collection<? extends Number> values) {
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no value has no median");
        }
        double[] sorted =
                values.stream().mapToDouble(Number::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1]);
    }

    static Spread of(List<StormResult> rounds, ToDoubleFunction<StormResult> value) {
        return of(Arrays.stream(rounds.stream().mapToDouble(value).toArray())
                .boxed()
                .toList());
    }
}
