package dev.pamt.seamcall.decorator;

/**
 * How long something takes, in nanoseconds.
 *
 * <p>The distributions with names are modelled on what was measured on Linux's v5 series in 2026, four TDs started and
 * stopped at once: the shortest, mean and longest times are those that were measured; between them times fall off
 * exponentially, which was not measured.
 *
 * <p><b>Thread-safety:</b> immutable; any number of threads may draw. <b>Progress:</b> wait-free, but for {@link #spend}.
 */
@FunctionalInterface
public interface Latency {
    /** TDH.PHYMEM.PAMT.ADD: 2 us at least, 4 us in the mean, 18 us at most. */
    Latency MEASURED_PAMT_ADD = exponential(2_000, 4_000, 18_000);

    /** TDH.PHYMEM.PAMT.REMOVE: 1 us at least, 2 us in the mean, 11 us at most. */
    Latency MEASURED_PAMT_REMOVE = exponential(1_000, 2_000, 11_000);

    /**
     * The time that a random number stands for.
     *
     * @param uniform a random number, 0 to less than 1, each as likely as any other
     * @return nanoseconds, at least 0
     */
    long nanos(double uniform);

    /**
     * Spins for the time that a random number stands for, as a processor in SEAM mode can do nothing else.
     *
     * @param uniform a random number, 0 to less than 1, each as likely as any other
     */
    default void spend(double uniform) {
        long nanos = nanos(uniform);
        if (nanos == 0) {
            return;
        }
        long start = System.nanoTime();
        while (System.nanoTime() - start < nanos) {
            Thread.onSpinWait();
        }
    }

    /**
     * The same time, always.
     *
     * @param nanos nanoseconds, at least 0
     * @return the latency
     * @throws IllegalArgumentException if the time is negative
     */
    static Latency fixed(long nanos) {
        if (nanos < 0) {
            throw new IllegalArgumentException("nothing takes less than 0 ns, not even " + nanos);
        }
        return uniform -> nanos;
    }

    /**
     * Times that begin with a shortest one and fall off exponentially. Longer ones than the longest are cut to it, which
     * makes the mean a little shorter than said.
     *
     * @param shortest nanoseconds, at least 0
     * @param mean nanoseconds, at least the shortest
     * @param longest nanoseconds, at least the mean
     * @return the latency
     * @throws IllegalArgumentException if the times are not in that order
     */
    static Latency exponential(long shortest, long mean, long longest) {
        if (shortest < 0 || mean < shortest || longest < mean) {
            throw new IllegalArgumentException(
                    "times are 0 <= shortest <= mean <= longest, not " + shortest + ", " + mean + ", " + longest);
        }
        return uniform -> Math.min(longest, shortest + Math.round(-(mean - shortest) * Math.log1p(-uniform)));
    }
}
