package dev.pamt.benchmarks;

import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What does a get and a put of a backed region cost, alone on the machine, against nothing but the two atomic additions? */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class WarmGetPut {
    private static final int REGIONS = 512;

    private TdxHost host;
    private PamtManager manager;
    private AtomicInteger[] counters;
    private int next;

    @Setup(Level.Trial)
    public void backEveryRegion() {
        host = Hosts.emulated(0);
        manager = Hosts.manager(host, "per2M");
        counters = new AtomicInteger[REGIONS];
        for (int region = 0; region < REGIONS; region++) {
            manager.get(hpa(region));
            counters[region] = new AtomicInteger(1);
        }
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        for (int region = 0; region < REGIONS; region++) {
            manager.put(hpa(region));
        }
        manager.close();
        host.close();
    }

    @Benchmark
    public void bareStriding() {
        AtomicInteger counter = counters[next++ & (REGIONS - 1)];
        counter.getAndIncrement();
        counter.getAndDecrement();
    }

    @Benchmark
    public void oursStriding() {
        long hpa = hpa(next++ & (REGIONS - 1));
        manager.get(hpa);
        manager.put(hpa);
    }

    private static long hpa(int region) {
        return Hosts.REGIONS_HPA + region * Hosts.REGION_BYTES;
    }
}
