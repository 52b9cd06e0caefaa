package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.TdxHost;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.impl.faults.FaultyHost.Setup;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.opentest4j.AssertionFailedError;

/** Runs a scenario once for each fault and each k; the emulator is the same for all runs, the manager is not. */
final class FaultRuns implements AutoCloseable {
    private static final int VISIT_SECONDS = 5;
    private static final int MOST_EXAMPLES = 40;
    /** A close may look at each region of the memory map, nearly all of which are alike. */
    private static final int MOST_CALLS_OF_CLOSE = 16;

    private final PrintStream err = System.err;
    private final SeamcallPlatform emulator;
    private final TdxHost host;
    private final Map<String, List<String>> failures = new TreeMap<>();
    private final Map<Site, Integer> runsOfSite = new EnumMap<>(Site.class);
    private ExecutorService visitor = Executors.newSingleThreadExecutor();
    private int runs;

    FaultRuns() {
        emulator = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder().cmrs(FaultyHost.MAP.cmrs()).build());
        host = TdxHost.bringUp(emulator, FaultyHost.MAP);
        // Each failed REMOVE is worth a line in a log, ten thousand are not.
        System.setErr(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        System.setErr(err);
        visitor.shutdownNow();
        host.close();
    }

    /** A host on the emulator of all runs. */
    FaultyHost host(Setup setup, Fault fault) {
        return new FaultyHost(setup, emulator, new FaultInjector(emulator.processor(0), fault, 1));
    }

    int runs() {
        return runs;
    }

    int runs(Site site) {
        return runsOfSite.getOrDefault(site, 0);
    }

    /** How many calls of each site had come by at three moments of a run without a fault. */
    private record Counts(Map<Site, Integer> during, Map<Site, Integer> beforeClose, Map<Site, Integer> inAll) {}

    /** Runs a scenario without a fault, and then with each at each call that it can hit. */
    void enumerate(Setup setup, long seed, int calls, List<Fault> faults) {
        Counts counts = run(setup, seed, calls, new FaultInjector(emulator.processor(0), null, 0));
        for (Fault fault : faults) {
            // All locks are taken by lock when tryLock takes none.
            Site counted = fault.site() == Site.LOCK ? Site.TRY_LOCK : fault.site();
            for (int k = 1; k <= counts.during.get(counted); k++) {
                runWith(setup, seed, calls, fault, k);
            }
            int first = counts.beforeClose.get(counted) + 1;
            int last = counts.inAll.get(counted);
            for (int k = first; k <= last; k += 1 + (last - first) / MOST_CALLS_OF_CLOSE) {
                runWith(setup, seed, calls, fault, k);
            }
        }
    }

    private void runWith(Setup setup, long seed, int calls, Fault fault, int k) {
        runs++;
        runsOfSite.merge(fault.site(), 1, Integer::sum);
        try {
            run(setup, seed, calls, new FaultInjector(emulator.processor(0), fault, k));
        } catch (RuntimeException | AssertionError failed) {
            String what = String.valueOf(failed.getMessage());
            String kind = fault + ": "
                    + what.replaceAll("; (it threw|calls|PamtStats).*", "").replaceAll("0x[0-9a-f]+|\\d+", "#");
            failures.computeIfAbsent(kind, key -> new ArrayList<>())
                    .add("seed " + seed + ", " + setup + ", " + fault + " at call " + k + ": " + what);
        }
    }

    /** Fails with an example of each kind of failure, if there was one. */
    void assertNoFailures() {
        if (!failures.isEmpty()) {
            StringBuilder message = new StringBuilder();
            int failed = failures.values().stream().mapToInt(List::size).sum();
            message.append(failed).append(" of ").append(runs).append(" runs failed:");
            failures.values().stream().limit(MOST_EXAMPLES).forEach(examples -> message.append("\n")
                    .append(examples.size())
                    .append(" x ")
                    .append(examples.get(0)));
            throw new AssertionFailedError(message.toString());
        }
    }

    private Counts run(Setup setup, long seed, int calls, FaultInjector faults) {
        FaultyHost faulty = new FaultyHost(setup, emulator, faults);
        try {
            Scenario scenario = new Scenario(faulty);
            scenario.run(calls, seed);
            Map<Site, Integer> during = faults.calls();
            checkRefusals(faulty, scenario);
            boolean interrupted = faults.wasInterrupted();
            assertEquals(interrupted, Thread.interrupted(), "the interrupt is kept");

            faulty.disarm();
            int refusals = faulty.expected().refusals();
            visitAll(scenario);
            scenario.run(calls / 2, seed);
            assertEquals(refusals, faulty.expected().refusals(), "refused calls when nothing goes wrong");
            assertFalse(Thread.interrupted(), "an interrupt has come back");

            faulty.unmap();
            scenario.prepareClose();
            Map<Site, Integer> beforeClose = faults.calls();
            faulty.armAgain();
            if (!scenario.close()) {
                faulty.disarm();
                assertTrue(scenario.close(), "a close when nothing goes wrong");
            }
            assertEquals(
                    faults.wasInterrupted() && !interrupted, Thread.interrupted(), "an interrupt of the close is kept");
            assertTrue(faults.fault() == null || faults.hits() > 0, "nothing has gone wrong");
            faulty.checkClosed();
            return new Counts(during, beforeClose, faults.calls());
        } finally {
            Thread.interrupted();
            faulty.emptyModule();
        }
    }

    /** The calls that were refused are those that the fault says. */
    private static void checkRefusals(FaultyHost faulty, Scenario scenario) {
        Fault fault = faulty.faults().fault();
        int hits = faulty.faults().hits();
        if (fault == null || hits == 0) {
            assertEquals(0, faulty.expected().refusals(), "refused calls without a fault");
        } else if (fault.thrown() == null) {
            assertEquals(
                    fault.refusals(hits, scenario.lastHit()), faulty.expected().refusals(), "refused calls");
        } else if (fault.times() == 1) {
            assertTrue(faulty.expected().refusals() <= 1, "calls that were refused for one exception");
        }
    }

    /** No lock has stayed with the thread that made the calls. */
    private void visitAll(Scenario scenario) {
        Future<?> visit = visitor.submit(scenario::visitAll);
        try {
            visit.get(VISIT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException stuck) {
            visitor.shutdownNow();
            visitor = Executors.newSingleThreadExecutor();
            throw new AssertionFailedError("another thread cannot get and put all regions", stuck);
        } catch (ExecutionException failed) {
            throw new AssertionFailedError(failed.getCause().getMessage(), failed.getCause());
        } catch (InterruptedException interrupted) {
            throw new AssertionFailedError("interrupted", interrupted);
        }
    }
}
