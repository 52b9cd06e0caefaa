package dev.pamt.benchmarks;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.ThreadFactory;
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
 * Many threads get pages of one region at once: the time until all have one. Once the region is empty, and one of them makes an
 * ADD of 4 microseconds that the others wait for; once it is backed already, which is what it costs to wake the threads.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@State(Scope.Benchmark)
public class FirstTouch {
    private static final long REGION = Hosts.regionHpa(200);

    @Param({"1", "2", "8", "64"})
    int callers;

    @Param({"empty", "backed"})
    String region;

    /** Virtual threads need JDK 21 or newer. */
    @Param("platform")
    String threads;

    @Param("4000")
    long seamcallNanos;

    private final Phaser phaser = new Phaser(1);
    private final List<Thread> all = new ArrayList<>();
    private volatile boolean ended;
    private TdxHost host;
    private PamtManager manager;

    @Setup(Level.Trial)
    public void start() throws ReflectiveOperationException {
        host = Hosts.emulated(seamcallNanos);
        manager = PamtManager.builder()
                .host(host)
                .lockStrategy(LockStrategy.per2M())
                .build();
        if (region.equals("backed")) {
            manager.get(REGION);
        }
        ThreadFactory factory = threads.equals("virtual") ? virtualThreads() : Thread::new;
        phaser.bulkRegister(callers);
        for (int i = 0; i < callers; i++) {
            Thread caller = factory.newThread(this::getEachTime);
            caller.start();
            all.add(caller);
        }
    }

    /** {@code Thread.ofVirtual().factory()}, in bytecode of JDK 17. */
    private static ThreadFactory virtualThreads() throws ReflectiveOperationException {
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        return (ThreadFactory)
                Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
    }

    private void getEachTime() {
        while (true) {
            phaser.arriveAndAwaitAdvance();
            if (ended) {
                return;
            }
            manager.get(REGION);
            phaser.arriveAndAwaitAdvance();
        }
    }

    @TearDown(Level.Invocation)
    public void putAll() {
        manager.put(REGION, callers);
    }

    @TearDown(Level.Trial)
    public void end() throws InterruptedException {
        ended = true;
        phaser.arriveAndAwaitAdvance();
        for (Thread caller : all) {
            caller.join();
        }
        if (region.equals("backed")) {
            manager.put(REGION);
        }
        manager.close();
        host.close();
    }

    @Benchmark
    public void allHaveIt() {
        phaser.arriveAndAwaitAdvance();
        phaser.arriveAndAwaitAdvance();
    }
}
