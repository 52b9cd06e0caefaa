package dev.pamt.benchmarks;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.List;
import java.util.concurrent.TimeUnit;
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

/** What happens seldom and takes long: each once for every manager, after a warm-up with other managers. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(3)
@Warmup(iterations = 5)
@Measurement(iterations = 5)
public class SlowMoments {
    private static final long GIBIBYTE = 1L << 30;
    private static final long REGION_BYTES = PageAllocator.CHUNK_BYTES;

    private static TdxHost hostOf(PhysicalRange ram) {
        MemoryMap memory = MemoryMap.of(List.of(ram));
        PlatformConfig config = PlatformConfig.builder().cmrs(memory.cmrs()).build();
        return TdxHost.bringUp(SeamcallProviderFactory.named("emulator").open(config), memory);
    }

    /** A manager with 100,000 idle regions of 256 GiB. */
    @State(Scope.Benchmark)
    public static class Idle {
        static final int REGIONS = 100_000;

        TdxHost host;
        PamtManager manager;

        @Setup(Level.Invocation)
        public void keepRegionsIdle() {
            host = hostOf(PhysicalRange.between(GIBIBYTE, 257 * GIBIBYTE));
            manager = PamtManager.builder()
                    .host(host)
                    .lockStrategy(LockStrategy.per2M())
                    .reclaimPolicy(ReclaimPolicy.keepIdle(REGIONS))
                    .build();
            for (long region = 0; region < REGIONS; region++) {
                manager.get(GIBIBYTE + region * REGION_BYTES);
            }
            for (long region = 0; region < REGIONS; region++) {
                manager.put(GIBIBYTE + region * REGION_BYTES);
            }
        }

        @TearDown(Level.Invocation)
        public void close() {
            manager.close();
            host.close();
        }
    }

    /** A manager of 64 TiB that has seen each gigabyte. */
    @State(Scope.Benchmark)
    public static class Huge {
        private static final long END = 1L << 46;

        TdxHost host;
        PamtManager manager;

        @Setup(Level.Invocation)
        public void touchEachGigabyte() {
            host = hostOf(PhysicalRange.between(GIBIBYTE, END));
            manager = PamtManager.builder()
                    .host(host)
                    .lockStrategy(LockStrategy.per2M())
                    .build();
            for (long hpa = GIBIBYTE; hpa < END - GIBIBYTE; hpa += GIBIBYTE) {
                manager.map2M(hpa + 8 * REGION_BYTES);
                manager.unmap2M(hpa + 8 * REGION_BYTES);
            }
        }

        @TearDown(Level.Invocation)
        public void close() {
            host.close();
        }
    }

    /** A manager of 256 GiB that has not been used. */
    @State(Scope.Benchmark)
    public static class Fresh {
        TdxHost host;
        PamtManager manager;

        @Setup(Level.Invocation)
        public void open() {
            host = hostOf(PhysicalRange.between(GIBIBYTE, 257 * GIBIBYTE));
            manager = PamtManager.builder().host(host).build();
        }

        @TearDown(Level.Invocation)
        public void close() {
            manager.unmap2M(128 * GIBIBYTE);
            manager.close();
            host.close();
        }
    }

    /** The pairs of 100,000 idle regions are taken back. */
    @Benchmark
    public int trim(Idle idle) {
        return idle.manager.trim();
    }

    /** A manager of 64 TiB is closed; nothing is in use. */
    @Benchmark
    public void close(Huge huge) {
        huge.manager.close();
    }

    /** The first call for a gigabyte, which makes its words. */
    @Benchmark
    public void firstTouchOfAGigabyte(Fresh fresh) {
        fresh.manager.map2M(128 * GIBIBYTE);
    }
}
