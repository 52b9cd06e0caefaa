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
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Guests shut down: all pages of a gigabyte are put at once by many threads, each region by all of them, and each last put
 * makes a REMOVE of 2 microseconds. The time for each page until the last region is empty.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 20)
@Measurement(iterations = 20)
@State(Scope.Benchmark)
public class PutStorm {
    private static final int REGIONS = 512;
    private static final int PAGES = 512;
    private static final long PAGE_BYTES = 4096;

    @Param({"per2M", "hashed", "global"})
    String strategy;

    @Param({"2", "64"})
    int callers;

    /** Virtual threads need JDK 21 or newer. */
    @Param("platform")
    String threads;

    @Param("2000")
    long seamcallNanos;

    private TdxHost host;
    private PamtManager manager;
    private Crowd crowd;

    @Setup(Level.Trial)
    public void openHost() throws ReflectiveOperationException {
        host = Hosts.emulated(seamcallNanos);
        manager = Hosts.manager(host, strategy);
        crowd = new Crowd(callers, threads, this::putShare);
    }

    @Setup(Level.Invocation)
    public void fillEveryRegion() {
        for (int region = 0; region < REGIONS; region++) {
            manager.get(Hosts.regionHpa(region), PAGES);
        }
    }

    /** Pages of one region belong to all guests, because the host hands them out as they come. */
    private void putShare(int caller) {
        for (int region = 0; region < REGIONS; region++) {
            for (int page = caller; page < PAGES; page += callers) {
                manager.put(Hosts.regionHpa(region) + page * PAGE_BYTES);
            }
        }
    }

    @TearDown(Level.Trial)
    public void leaveNothing() {
        crowd.close();
        manager.close();
        host.close();
    }

    @Benchmark
    @OperationsPerInvocation(REGIONS * PAGES)
    public void putAll() {
        crowd.runOnce();
    }
}
