package dev.pamt.benchmarks;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.SysField;
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

/**
 * How many calls a second does the emulator do? Each thread has a region and a TD of its own, because calls of one TD
 * exclude each other in part; {@code -t 2} runs two. Calls that undo each other are measured together.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class EmulatorCalls {
    private static final long FREE_GPA = 0;
    private static final long MAPPED_GPA = 0x1000;

    private TdxHost host;
    private PamtManager manager;
    private final AtomicInteger threads = new AtomicInteger();

    @Setup(Level.Trial)
    public void openHost() {
        host = Hosts.emulated(0);
        manager = Hosts.manager(host, "per2M");
    }

    @TearDown(Level.Trial)
    public void switchOff() {
        host.close();
    }

    /** What one thread works on. */
    @State(Scope.Thread)
    public static class Mine {
        private Seamcalls seamcalls;
        private final SeamcallRegisters regs = new SeamcallRegisters();
        private long regionHpa;
        private long page0;
        private long page1;
        private long guestPage;
        private long mappedPage;
        private long tdrHpa;

        @Setup(Level.Trial)
        public void choose(EmulatorCalls all) {
            int thread = all.threads.getAndIncrement();
            PageAllocator allocator = all.host.allocator();
            seamcalls = new Seamcalls(all.host.platform().processor(0));
            regionHpa = Hosts.regionHpa(64 + 8 * thread);
            page0 = allocator.allocPage();
            page1 = allocator.allocPage();
            guestPage = all.manager.allocPage();
            mappedPage = all.manager.allocPage();
            tdrHpa = BenchmarkTd.build(all.host, all.manager, thread);
            BenchmarkTd.check(seamcalls.memPageAug(regs, MAPPED_GPA, tdrHpa, mappedPage));
        }
    }

    @Benchmark
    public void pamtAddAndRemove(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.pamtAdd(mine.regs, mine.regionHpa, mine.page0, mine.page1));
        BenchmarkTd.check(mine.seamcalls.pamtRemove(mine.regs, mine.regionHpa));
    }

    @Benchmark
    public void pageRdmd(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.pageRdmd(mine.regs, PageLevel.SIZE_4K.encode(mine.mappedPage)));
    }

    @Benchmark
    public void septRd(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.memSeptRd(mine.regs, MAPPED_GPA, mine.tdrHpa));
    }

    @Benchmark
    public void rangeBlockAndUnblock(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.memRangeBlock(mine.regs, MAPPED_GPA, mine.tdrHpa));
        BenchmarkTd.check(mine.seamcalls.memTrack(mine.regs, mine.tdrHpa));
        BenchmarkTd.check(mine.seamcalls.memRangeUnblock(mine.regs, MAPPED_GPA, mine.tdrHpa));
    }

    @Benchmark
    public void pageAugBlockTrackAndRemove(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.memPageAug(mine.regs, FREE_GPA, mine.tdrHpa, mine.guestPage));
        BenchmarkTd.check(mine.seamcalls.memRangeBlock(mine.regs, FREE_GPA, mine.tdrHpa));
        BenchmarkTd.check(mine.seamcalls.memTrack(mine.regs, mine.tdrHpa));
        BenchmarkTd.check(mine.seamcalls.memPageRemove(mine.regs, FREE_GPA, mine.tdrHpa));
    }

    @Benchmark
    public void track(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.memTrack(mine.regs, mine.tdrHpa));
    }

    @Benchmark
    public void sysRd(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.sysRd(mine.regs, SysField.TDX_FEATURES0.id()));
    }

    @Benchmark
    public void pageWbinvd(Mine mine) {
        BenchmarkTd.check(mine.seamcalls.pageWbinvd(mine.regs, Hosts.REGIONS_HPA));
    }
}
