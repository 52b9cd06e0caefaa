package dev.pamt.lab.storm;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.TdxHost;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;

/**
 * TDs that all fault their memory in 4K pages at once, and are all shut down at once. Each vCPU is a thread.
 *
 * <p><b>Thread-safety:</b> none; one run at a time.
 */
public final class Storm {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private final StormPlan plan;
    private final LongConsumer progress;

    /**
     * Makes a storm.
     *
     * @param plan how large it is
     * @param progress is told of pages that were faulted or given back, by any thread
     */
    public Storm(StormPlan plan, LongConsumer progress) {
        this.plan = plan;
        this.progress = progress;
    }

    /**
     * The memory that a storm takes from a host at most, with its S-EPT and control pages and its page pairs.
     *
     * @param host a host
     * @param plan how large the storm is
     * @return pages
     */
    public static long pagesNeeded(TdxHost host, StormPlan plan) {
        return ControlPages.of(host).pagesNeeded(plan);
    }

    /**
     * How many TDs a host can run at the same time; each needs a key of its own.
     *
     * @param host a host
     * @return TDs
     */
    public static int mostTds(TdxHost host) {
        return TdSeamcalls.mostTds(host);
    }

    /**
     * Runs the storm.
     *
     * @param host a host that nothing else uses
     * @param strategy how the manager's transitions exclude each other
     * @return what it has shown
     * @throws InterruptedException if this thread is interrupted
     */
    public StormResult run(TdxHost host, LockStrategy strategy) throws InterruptedException {
        long freeBefore = host.freePages();
        PamtManager manager =
                PamtManager.builder().host(host).lockStrategy(strategy).build();
        ControlPages control = ControlPages.of(host);
        TdSeamcalls module = new TdSeamcalls(host);
        List<Td> tds = new ArrayList<>();
        for (int i = 0; i < plan.tds(); i++) {
            tds.add(new Td(plan, i, control, manager, module));
        }
        AtomicReference<Throwable> failure = new AtomicReference<>();
        LongAdder cpuNanos = new LongAdder();
        int threads = plan.tds() * plan.vcpus();
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        long faultNanos;
        long shutdownNanos;
        try {
            faultNanos = onAllVcpus(
                    executor,
                    tds,
                    failure,
                    cpuNanos,
                    (td, vcpu) -> td.boot(vcpu, () -> failure.get() != null, progress));
            // Also after a failure: what was taken has to come back.
            shutdownNanos = onAllVcpus(executor, tds, failure, cpuNanos, (td, vcpu) -> td.shutDown(vcpu, progress));
        } finally {
            executor.shutdownNow();
        }
        PamtStats stats = manager.stats();
        try {
            manager.close();
        } catch (RegionsInUseException e) {
            failure.compareAndSet(null, e);
        }
        return new StormResult(
                strategy.name(),
                plan.guestPages(),
                faultNanos,
                shutdownNanos,
                cpuNanos.sum(),
                stats,
                stats.pairs().installed(),
                freeBefore - host.freePages(),
                failure.get() == null ? "" : failure.get().toString());
    }

    /** Runs a part of the storm on all vCPUs at once, and returns how long it took from the first to the last. */
    private static long onAllVcpus(
            ExecutorService executor,
            List<Td> tds,
            AtomicReference<Throwable> failure,
            LongAdder cpuNanos,
            VcpuWork work)
            throws InterruptedException {
        int vcpus = tds.get(0).vcpus();
        AtomicLong start = new AtomicLong();
        CyclicBarrier everybody = new CyclicBarrier(tds.size() * vcpus, () -> start.set(System.nanoTime()));
        List<Callable<Void>> tasks = new ArrayList<>();
        for (Td td : tds) {
            for (int vcpu = 0; vcpu < vcpus; vcpu++) {
                int index = vcpu;
                tasks.add(() -> {
                    everybody.await();
                    long cpuBefore = cpuNanosOfThread();
                    try {
                        work.run(td, index);
                    } catch (RuntimeException | Error e) {
                        failure.compareAndSet(null, e);
                    } finally {
                        cpuNanos.add(cpuNanosOfThread() - cpuBefore);
                    }
                    return null;
                });
            }
        }
        executor.invokeAll(tasks);
        return System.nanoTime() - start.get();
    }

    /** The processor time of this thread so far; always 0 if this JVM does not measure it. */
    private static long cpuNanosOfThread() {
        return THREADS.isCurrentThreadCpuTimeSupported() && THREADS.isThreadCpuTimeEnabled()
                ? THREADS.getCurrentThreadCpuTime()
                : 0;
    }

    /** What one vCPU does. */
    private interface VcpuWork {
        void run(Td td, int vcpu) throws InterruptedException;
    }
}
