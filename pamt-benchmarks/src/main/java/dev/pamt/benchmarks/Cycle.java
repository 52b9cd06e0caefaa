package dev.pamt.benchmarks;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
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

/** What does a region's way from empty to one user and back cost, against the two SEAMCALLs that it takes? */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class Cycle {
    @Param({"per2M", "hashed", "global"})
    String strategy;

    private TdxHost host;
    private PamtManager manager;
    private Seamcalls seamcalls;
    private final SeamcallRegisters regs = new SeamcallRegisters();
    private long page0;
    private long page1;

    @Setup(Level.Trial)
    public void openHost() {
        host = Hosts.emulated(0);
        manager = Hosts.manager(host, strategy);
        seamcalls = new Seamcalls(host.platform().processor(0));
        PageAllocator allocator = host.allocator();
        page0 = allocator.allocPage();
        page1 = allocator.allocPage();
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        manager.close();
        host.close();
    }

    @Benchmark
    public long twoSeamcalls() {
        return seamcalls.pamtAdd(regs, Hosts.REGIONS_HPA, page0, page1) | seamcalls.pamtRemove(regs, Hosts.REGIONS_HPA);
    }

    @Benchmark
    public void getPut() {
        manager.get(Hosts.REGIONS_HPA);
        manager.put(Hosts.REGIONS_HPA);
    }
}
