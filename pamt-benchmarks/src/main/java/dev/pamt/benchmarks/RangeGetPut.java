package dev.pamt.benchmarks;

import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
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

/** What does a get and put of 512 pages in one step cost, against one page, and against 512 single ones? */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class RangeGetPut {
    private static final long REGION = Hosts.REGIONS_HPA;
    private static final int PAGES = 511;

    @Param("per2M")
    String strategy;

    private TdxHost host;
    private PamtManager manager;

    @Setup(Level.Trial)
    public void backTheRegion() {
        host = Hosts.emulated(0);
        manager = Hosts.manager(host, strategy);
        manager.get(REGION);
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        manager.put(REGION);
        manager.close();
        host.close();
    }

    @Benchmark
    public void onePage() {
        manager.get(REGION);
        manager.put(REGION);
    }

    @Benchmark
    public void rangeOf511Pages() {
        manager.get(REGION, PAGES);
        manager.put(REGION, PAGES);
    }

    @Benchmark
    public void each511Pages() {
        for (int page = 0; page < PAGES; page++) {
            manager.get(REGION + page * 4096L);
        }
        for (int page = 0; page < PAGES; page++) {
            manager.put(REGION + page * 4096L);
        }
    }
}
