package dev.pamt.benchmarks;

import dev.pamt.api.TdxHost;
import dev.pamt.benchmarks.rivals.RegionCounts;
import dev.pamt.benchmarks.rivals.Regions;
import dev.pamt.benchmarks.rivals.Rival;
import java.util.concurrent.TimeUnit;
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

/** Two threads get and put one backed region at once: what is left of a count that both threads want? */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
@Threads(2)
public class SharedRegion {
    /** In the middle, where no rival's count shares a cache line with the length of its array. */
    private static final long REGION = Hosts.regionHpa(200);

    @Param({
        "bare-word",
        "bare-atomic",
        "sparse-bare-atomic",
        "bare-varhandle",
        "sparse-bare-varhandle",
        "ours-words",
        "ours-per2M",
        "ours-hashed",
        "ours-global",
        "v6-dec-and-lock",
        "sparse-v6-dec-and-lock",
        "merged-always-lock",
        "sparse-merged-always-lock",
        "netty-refcnt",
        "sparse-netty-refcnt",
        "chm-merge",
        "synchronized-map",
        "striped-map"
    })
    String rival;

    private TdxHost host;
    private RegionCounts counts;

    @Setup(Level.Trial)
    public void backTheRegion() {
        host = Hosts.emulated(0);
        counts = Rival.named(rival).counts(host, new Regions(Hosts.REGIONS_HPA, 512));
        counts.get(REGION);
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        counts.put(REGION);
        counts.close();
        host.close();
    }

    @Benchmark
    public void getPut() {
        counts.get(REGION);
        counts.put(REGION);
    }
}
