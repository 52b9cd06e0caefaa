package dev.pamt.benchmarks;

import dev.pamt.api.TdxHost;
import dev.pamt.benchmarks.rivals.RegionCounts;
import dev.pamt.benchmarks.rivals.Regions;
import dev.pamt.benchmarks.rivals.Rival;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Group;
import org.openjdk.jmh.annotations.GroupThreads;
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
 * A neighbour converts one page back and forth, which installs and takes back a pair each time, 4 microseconds a SEAMCALL.
 * What does a victim in other regions feel, in a warm get and in transitions of its own? Percentiles, alone and beside the
 * neighbour.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class NoisyNeighbour {
    private static final long NOISY = Hosts.regionHpa(10);
    private static final long WARM = Hosts.regionHpa(20);
    private static final long COLD = Hosts.regionHpa(30);

    @Param({"ours-per2M", "ours-hashed", "ours-global", "merged-always-lock"})
    String rival;

    private TdxHost host;
    private RegionCounts counts;

    @Setup(Level.Trial)
    public void backTheVictimsRegion() {
        host = Hosts.emulated(4000);
        counts = Rival.named(rival).counts(host, new Regions(Hosts.REGIONS_HPA, 512));
        counts.get(WARM);
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        counts.put(WARM);
        counts.close();
        host.close();
    }

    @Benchmark
    public void warmAlone() {
        counts.get(WARM);
        counts.put(WARM);
    }

    @Benchmark
    public void transitionAlone() {
        counts.get(COLD);
        counts.put(COLD);
    }

    @Benchmark
    @Group("warmBeside")
    @GroupThreads(1)
    public void warmVictim() {
        counts.get(WARM);
        counts.put(WARM);
    }

    @Benchmark
    @Group("warmBeside")
    @GroupThreads(1)
    public void warmNeighbour() {
        counts.get(NOISY);
        counts.put(NOISY);
    }

    @Benchmark
    @Group("transitionBeside")
    @GroupThreads(1)
    public void transitionVictim() {
        counts.get(COLD);
        counts.put(COLD);
    }

    @Benchmark
    @Group("transitionBeside")
    @GroupThreads(1)
    public void transitionNeighbour() {
        counts.get(NOISY);
        counts.put(NOISY);
    }
}
