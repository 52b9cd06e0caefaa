package dev.pamt.benchmarks;

import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Many threads get pages of one region at once: the time until all have one, and how long the slowest was in its get. Once the
 * region is empty, and one of them makes an ADD of 4 microseconds that the others wait for; once it is backed already, which is
 * what it costs to have that many threads do anything at all.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class FirstTouch {
    private static final long REGION = Hosts.regionHpa(200);

    @Param({"1", "2", "8", "64"})
    int callers;

    @Param({"empty", "backed"})
    String region;

    /** Virtual threads need JDK 21 or newer. */
    @Param("platform")
    String threads;

    @Param("4000")
    long seamcallNanos;

    private final CountedCalls calls = new CountedCalls();
    private TdxHost host;
    private PamtManager manager;
    private Crowd crowd;
    /** How long each thread was in its get in the last round, and how many SEAMCALLs were answered meanwhile. */
    private long[] nanos;

    private long[] callsMeanwhile;

    @Setup(Level.Trial)
    public void start() throws ReflectiveOperationException {
        host = Hosts.emulated(seamcallNanos, calls);
        manager = Hosts.manager(host, "per2M");
        if (region.equals("backed")) {
            manager.get(REGION);
        }
        nanos = new long[callers];
        callsMeanwhile = new long[callers];
        crowd = new Crowd(callers, threads, this::get);
    }

    private void get(int caller) {
        long callsBefore = calls.answered();
        long start = System.nanoTime();
        manager.get(REGION);
        nanos[caller] = System.nanoTime() - start;
        callsMeanwhile[caller] = calls.answered() - callsBefore;
    }

    @TearDown(Level.Invocation)
    public void putAll() {
        manager.put(REGION, callers);
    }

    @TearDown(Level.Trial)
    public void end() {
        crowd.close();
        if (region.equals("backed")) {
            manager.put(REGION);
        }
        manager.close();
        host.close();
    }

    @Benchmark
    public void allHaveIt(Rounds rounds) {
        long start = System.nanoTime();
        crowd.runOnce();
        rounds.note(System.nanoTime() - start, nanos, callsMeanwhile);
    }

    /**
     * Each round of an iteration, and its slowest thread. With more threads than processors a few rounds last for milliseconds,
     * because the scheduler lets the thread that makes the ADD wait; the mean of all rounds says how many of these there were.
     */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.EVENTS)
    public static class Rounds {
        private static final int MOST_ROUNDS = 1 << 18;

        private final long[] nanosOfRound = new long[MOST_ROUNDS];
        private final long[] nanos = new long[MOST_ROUNDS];
        private final long[] calls = new long[MOST_ROUNDS];
        private int rounds;

        @Setup(Level.Iteration)
        public void forget() {
            rounds = 0;
        }

        void note(long roundNanos, long[] nanosOfThreads, long[] callsOfThreads) {
            if (rounds < MOST_ROUNDS) {
                nanosOfRound[rounds] = roundNanos;
                nanos[rounds] = most(nanosOfThreads);
                calls[rounds] = most(callsOfThreads);
                rounds++;
            }
        }

        private static long most(long[] values) {
            long most = 0;
            for (long value : values) {
                most = Math.max(most, value);
            }
            return most;
        }

        /** Until all threads have it: the median over the rounds. */
        public long roundNanos() {
            return percentile(nanosOfRound, 0.5);
        }

        /** The slowest thread's nanoseconds in its get: the median over the rounds. */
        public long slowestNanos() {
            return percentile(nanos, 0.5);
        }

        /** The same: what one round in a hundred exceeds. */
        public long slowestNanosP99() {
            return percentile(nanos, 0.99);
        }

        /** SEAMCALLs answered while a thread was in its get: the most in any round. */
        public long mostSeamcalls() {
            return percentile(calls, 1);
        }

        private long percentile(long[] values, double part) {
            long[] sorted = Arrays.copyOf(values, rounds);
            Arrays.sort(sorted);
            return rounds == 0 ? 0 : sorted[(int) Math.min(rounds - 1, part * rounds)];
        }
    }
}
