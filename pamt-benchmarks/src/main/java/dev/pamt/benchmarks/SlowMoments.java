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
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What happens seldom and takes long: each once for every manager, after a warm-up with other managers. */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5)
@Measurement(iterations = 5)
public class SlowMoments {
    private static final long GIBIBYTE = 1L << 30;
    private static final long REGION_BYTES = PageAllocator.CHUNK_BYTES;
    private static final int IDLE_REGIONS = 100_000;
    private static final int GIGABYTES = 256;

    private static TdxHost hostOf(PhysicalRange ram) {
        MemoryMap memory = MemoryMap.of(List.of(ram));
        PlatformConfig config = PlatformConfig.builder().cmrs(memory.cmrs()).build();
        return TdxHost.bringUp(SeamcallProviderFactory.named("emulator").open(config), memory);
    }

    /** A manager with 100,000 idle regions of 256 GiB. */
    @State(Scope.Benchmark)
    public static class Idle {
        TdxHost host;
        PamtManager manager;

        @Setup(Level.Invocation)
        public void keepRegionsIdle() {
            host = hostOf(PhysicalRange.between(GIBIBYTE, 257 * GIBIBYTE));
            manager = PamtManager.builder()
                    .host(host)
                    .lockStrategy(LockStrategy.per2M())
                    .reclaimPolicy(ReclaimPolicy.keepIdle(IDLE_REGIONS))
                    .build();
            for (long region = 0; region < IDLE_REGIONS; region++) {
                manager.get(GIBIBYTE + region * REGION_BYTES);
            }
            for (long region = 0; region < IDLE_REGIONS; region++) {
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

    /** 100,000 regions of 256 GiB that have a pair, and no manager. */
    @State(Scope.Benchmark)
    public static class Installed {
        private final SeamcallRegisters regs = new SeamcallRegisters();

        TdxHost host;
        Seamcalls seamcalls;

        @Setup(Level.Invocation)
        public void installPairs() {
            host = hostOf(PhysicalRange.between(GIBIBYTE, 257 * GIBIBYTE));
            seamcalls = new Seamcalls(host.platform().processor(0));
            for (int region = 0; region < IDLE_REGIONS; region++) {
                BenchmarkTd.check(seamcalls.pamtAdd(
                        regs, GIBIBYTE + region * REGION_BYTES, page(2L * region), page(2L * region + 1)));
            }
        }

        /** Pages of the last gigabytes, where none of the regions is. */
        private static long page(long number) {
            return 250 * GIBIBYTE + (number << 12);
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
            for (int gigabyte = 1; gigabyte <= GIGABYTES; gigabyte++) {
                manager.unmap2M(gigabyte * GIBIBYTE);
            }
            manager.close();
            host.close();
        }
    }

    /** The pairs of 100,000 idle regions are taken back; for each region. */
    @Benchmark
    @OperationsPerInvocation(IDLE_REGIONS)
    public int trim(Idle idle) {
        return idle.manager.trim();
    }

    /** The SEAMCALLs of that alone. */
    @Benchmark
    @OperationsPerInvocation(IDLE_REGIONS)
    public void rawRemoves(Installed installed) {
        for (int region = 0; region < IDLE_REGIONS; region++) {
            BenchmarkTd.check(installed.seamcalls.pamtRemove(installed.regs, GIBIBYTE + region * REGION_BYTES));
        }
    }

    /** A manager of 64 TiB is closed; nothing is in use. */
    @Benchmark
    public void close(Huge huge) {
        huge.manager.close();
    }

    /** The first call for a gigabyte, which makes its words; for each gigabyte. */
    @Benchmark
    @OperationsPerInvocation(GIGABYTES)
    public void firstTouchOfAGigabyte(Fresh fresh) {
        for (int gigabyte = 1; gigabyte <= GIGABYTES; gigabyte++) {
            fresh.manager.map2M(gigabyte * GIBIBYTE);
        }
    }
}
