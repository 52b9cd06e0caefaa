package dev.pamt.lab.storm;

import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.host.LeafCounts;
import dev.pamt.lab.policy.HostSetup;
import dev.pamt.seamcall.SeamcallLeaf;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongConsumer;

/**
 * TDs that all fault their memory at once, and are all shut down at once. Each vCPU is a thread.
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
     * Runs the storm.
     *
     * @param host a host that nothing else uses
     * @param setup what is tried on it
     * @param leaves counts the calls of the host's platform
     * @return what it has shown
     * @throws InterruptedException if this thread is interrupted
     */
    public StormResult run(TdxHost host, HostSetup setup, LeafCounts leaves) throws InterruptedException {
        long freeBefore = host.freePages();
        LabHost lab = setup.open(host);
        List<StormTd> tds = new ArrayList<>();
        for (int i = 0; i < plan.tds(); i++) {
            tds.add(new StormTd(plan, i, lab));
        }
        AtomicReference<Throwable> failure = new AtomicReference<>();
        LongAdder cpuNanos = new LongAdder();
        long faultNanos =
                onAllVcpus(tds, failure, cpuNanos, (td, vcpu) -> td.boot(vcpu, () -> failure.get() != null, progress));
        // Also after a failure: what was taken has to come back.
        long shutdownNanos = onAllVcpus(tds, failure, cpuNanos, (td, vcpu) -> td.shutDown(vcpu, progress));
        lab.policy().close();
        PamtStats stats = lab.manager().stats();
        try {
            lab.manager().close();
        } catch (RegionsInUseException e) {
            failure.compareAndSet(null, e);
        }
        lab.complaints().stream()
                .findFirst()
                .ifPresent(first -> failure.compareAndSet(null, new IllegalStateException(first)));
        return new StormResult(
                setup.strategy().name(),
                plan.guestPages(),
                faultNanos,
                shutdownNanos,
                cpuNanos.sum(),
                stats,
                new StormCalls(
                        leaves.all(),
                        leaves.calls(SeamcallLeaf.PHYMEM_PAMT_ADD) - leaves.failures(SeamcallLeaf.PHYMEM_PAMT_ADD),
                        leaves.busy(),
                        leaves.missingPair(),
                        lab.counts().of(Event.MAPPED_4K),
                        lab.counts().of(Event.MAPPED_2M),
                        lab.counts().of(Event.ACCEPTED)),
                stats.pairs().installed(),
                freeBefore - host.freePages(),
                failure.get() == null ? "" : failure.get().toString());
    }

    /** Runs a part of the storm on all vCPUs at once, and returns how long it took from the first to the last. */
    private long onAllVcpus(List<StormTd> tds, AtomicReference<Throwable> failure, LongAdder cpuNanos, VcpuWork work)
            throws InterruptedException {
        return Crew.run(plan.tds() * plan.vcpus(), number -> {
            long cpuBefore = cpuNanosOfThread();
            try {
                work.run(tds.get(number / plan.vcpus()), number % plan.vcpus());
            } catch (RuntimeException | Error e) {
                failure.compareAndSet(null, e);
            } finally {
                cpuNanos.add(cpuNanosOfThread() - cpuBefore);
            }
        });
    }

    /** The processor time of this thread so far; always 0 if this JVM does not measure it. */
    private static long cpuNanosOfThread() {
        return THREADS.isCurrentThreadCpuTimeSupported() && THREADS.isThreadCpuTimeEnabled()
                ? THREADS.getCurrentThreadCpuTime()
                : 0;
    }

    /** What one vCPU does. */
    private interface VcpuWork {
        void run(StormTd td, int vcpu) throws InterruptedException;
    }
}
