package dev.pamt.lab.storm;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What all rounds of one lock strategy have shown.
 *
 * <p>Immutable and thread-safe.
 *
 * @param strategy the name of the lock strategy
 * @param results a result for each round, at least one
 */
public record StormRounds(String strategy, List<StormResult> results) {
    /**
     * Copies the list.
     *
     * @param strategy the name of the lock strategy
     * @param results a result for each round, at least one
     */
    public StormRounds {
        results = List.copyOf(results);
    }

    /**
     * The order of some things in a round: each round begins with the next one, so in as many rounds as there are things each is
     * in each place once.
     *
     * @param things what takes turns
     * @param round the number of the round, from 0
     * @param <T> what they are
     * @return the same things, rotated
     */
    public static <T> List<T> order(List<T> things, int round) {
        List<T> rotated = new ArrayList<>();
        for (int i = 0; i < things.size(); i++) {
            rotated.add(things.get((round + i) % things.size()));
        }
        return rotated;
    }

    /**
     * How fast memory was faulted.
     *
     * @return pages per second, of all TDs together
     */
    public Spread faultPagesPerSecond() {
        return over(StormResult::faultPagesPerSecond);
    }

    /**
     * How fast pages were given back.
     *
     * @return pages per second, of all TDs together
     */
    public Spread shutdownPagesPerSecond() {
        return over(StormResult::shutdownPagesPerSecond);
    }

    /**
     * What a page costs from its fault to its return.
     *
     * @return nanoseconds of processor time of the vCPUs' threads for each guest page; 0 if this JVM does not measure them
     */
    public Spread cpuNanosPerPage() {
        return over(StormResult::cpuNanosPerPage);
    }

    /**
     * Any number of the results.
     *
     * @param value the number of one result
     * @return its spread over the rounds
     */
    public Spread over(ToDoubleFunction<StormResult> value) {
        return Spread.of(results, value);
    }

    /**
     * What should have come back and has not.
     *
     * @return pairs and pages of all rounds
     */
    public long leaks() {
        return results.stream().mapToLong(StormResult::leaks).sum();
    }
}
