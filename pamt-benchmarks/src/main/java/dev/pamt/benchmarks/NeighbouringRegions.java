package dev.pamt.benchmarks;

import dev.pamt.api.TdxHost;
import dev.pamt.benchmarks.rivals.RegionCounts;
import dev.pamt.benchmarks.rivals.Regions;
import dev.pamt.benchmarks.rivals.Rival;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Two threads, each on a region of its own: do neighbours disturb each other? The bare array has neighbours beside each
 * other, ours keeps them 128 bytes apart.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
@Threads(2)
public class NeighbouringRegions {
    @Param({"ours-per2M", "bare-varhandle"})
    String rival;

    /** How many regions apart the two are. */
    @Param({"1", "100"})
    int apart;

    private TdxHost host;
    private RegionCounts counts;
    private final AtomicInteger threads = new AtomicInteger();

    @Setup(Level.Trial)
    public void backTheRegions() {
        host = Hosts.emulated(0);
        counts = Rival.named(rival).counts(host, new Regions(Hosts.REGIONS_HPA, 512));
        counts.get(Hosts.regionHpa(64));
        counts.get(Hosts.regionHpa(64 + apart));
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        counts.put(Hosts.regionHpa(64));
        counts.put(Hosts.regionHpa(64 + apart));
        counts.close();
        host.close();
    }

    /** The region of one thread. */
    @State(Scope.Thread)
    public static class Mine {
        private long hpa;

        @Setup(Level.Trial)
        public void choose(NeighbouringRegions all) {
            hpa = Hosts.regionHpa(64 + all.threads.getAndIncrement() % 2 * all.apart);
        }
    }

    @Benchmark
    public void getPut(Mine mine) {
        counts.get(mine.hpa);
        counts.put(mine.hpa);
    }
}
