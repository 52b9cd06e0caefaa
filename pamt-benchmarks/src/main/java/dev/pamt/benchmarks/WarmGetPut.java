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
import org.openjdk.jmh.annotations.Warmup;

/**
 * What does a get and a put of a backed region cost, alone on the machine? Once striding over 512 regions, once on one.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class WarmGetPut {
    private static final int REGIONS = 512;

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
    private int next;

    @Setup(Level.Trial)
    public void backEveryRegion() {
        host = Hosts.emulated(0);
        counts = Rival.named(rival).counts(host, new Regions(Hosts.REGIONS_HPA, REGIONS));
        for (int region = 0; region < REGIONS; region++) {
            counts.get(Hosts.regionHpa(region));
        }
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        for (int region = 0; region < REGIONS; region++) {
            counts.put(Hosts.regionHpa(region));
        }
        counts.close();
        host.close();
    }

    @Benchmark
    public void striding() {
        long hpa = Hosts.regionHpa(next++ & (REGIONS - 1));
        counts.get(hpa);
        counts.put(hpa);
    }

    @Benchmark
    public void oneRegion() {
        long hpa = Hosts.regionHpa(7);
        counts.get(hpa);
        counts.put(hpa);
    }
}
