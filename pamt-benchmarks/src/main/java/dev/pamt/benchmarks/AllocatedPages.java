package dev.pamt.benchmarks;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
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

/** What do allocPage and freePage, and a get with a cache, cost on top of a get and a put? */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class AllocatedPages {
    @Param("per2M")
    String strategy;

    private TdxHost host;
    private PamtManager manager;
    private PageAllocator allocator;
    private PamtPageCache cache;
    private long warmPage;

    @Setup(Level.Trial)
    public void backTheRegion() {
        host = Hosts.emulated(0);
        manager = Hosts.manager(host, strategy);
        allocator = host.allocator();
        warmPage = manager.allocPage();
        cache = manager.newVcpuCache();
        cache.topUp(PamtPageCache.FAULT_PAIRS);
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        cache.close();
        manager.freePage(warmPage);
        manager.close();
        host.close();
    }

    @Benchmark
    public void getPut() {
        manager.get(warmPage);
        manager.put(warmPage);
    }

    @Benchmark
    public void allocatorAlone() {
        allocator.freePage(allocator.allocPage());
    }

    @Benchmark
    public void allocPageFreePage() {
        manager.freePage(manager.allocPage());
    }

    @Benchmark
    public void topUpAndCachedGetPut() {
        cache.topUp(PamtPageCache.FAULT_PAIRS);
        manager.get(warmPage, cache);
        manager.put(warmPage);
    }
}
