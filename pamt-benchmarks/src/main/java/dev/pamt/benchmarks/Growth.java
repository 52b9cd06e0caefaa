package dev.pamt.benchmarks;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.ToDoubleFunction;

/**
 * Does a page cost the same when there is more work? Guests from 1 to 704 GiB fault all their memory in 4K pages and give
 * it back, on one thread; then 1 to 64 TDs of 1 GiB do, on two. Strategy per2M. Prints the time for each page, and draws it.
 *
 * <p>{@code Growth [plot.svg] [largest guest in GiB]}; 704 GiB need 3 GiB of heap.
 */
public final class Growth {
    private static final long GIB = 1L << 30;
    private static final int PAGES_PER_GIB = 1 << 18;
    private static final int MOST_THREADS = 2;
    private static final int WARM_UP_RUNS = 20;
    private static final int FEWEST_RUNS = 3;
    /** Small guests run often enough to come to this many GiB together. */
    private static final int GIB_OF_RUNS = 64;

    private final TdxHost host;
    private final ExecutorService threads = Executors.newFixedThreadPool(MOST_THREADS);

    private Growth(TdxHost host) {
        this.host = host;
    }

    public static void main(String[] args) throws IOException, InterruptedException, ExecutionException {
        int largest = args.length > 1 ? Integer.parseInt(args[1]) : 704;
        MemoryMap memory = MemoryMap.of(List.of(
                PhysicalRange.between(1L << 20, 2 * GIB), PhysicalRange.between(4 * GIB, (largest + 16L) * GIB)));
        TdxHost host = TdxHost.bringUp(
                SeamcallProviderFactory.named("emulator")
                        .open(PlatformConfig.builder().cmrs(memory.cmrs()).build()),
                memory);
        Growth growth = new Growth(host);
        for (int i = 0; i < WARM_UP_RUNS; i++) {
            growth.run(4, 1, 1 + i % MOST_THREADS);
        }
        List<Point> bySize = new ArrayList<>();
        System.out.println("one guest of      fault ns/page   shutdown ns/page   (medians)");
        for (int gib : new int[] {1, 16, 64, 128, 704}) {
            if (gib <= largest) {
                bySize.add(growth.measure(gib, 1, 1, gib + " GiB"));
            }
        }
        List<Point> byCount = new ArrayList<>();
        System.out.println("TDs of 1 GiB      fault ns/page   shutdown ns/page");
        for (int tds = 1; tds <= 64 && tds <= largest; tds *= 2) {
            byCount.add(growth.measure(1, tds, MOST_THREADS, tds + (tds == 1 ? " TD" : " TDs")));
        }
        growth.threads.shutdown();
        host.close();
        System.out.printf(
                Locale.ROOT,
                "time per page, 1 to %d GiB: fault within %.0f %% of 1 GiB, shutdown within %.0f %%%n",
                largest,
                worst(bySize, Point::faultNanos),
                worst(bySize, Point::shutdownNanos));
        if (args.length > 0) {
            Files.writeString(Path.of(args[0]), GrowthPlot.of(bySize, byCount));
        }
    }

    /** How much dearer than the first the dearest is, in per cent. */
    private static double worst(List<Point> points, ToDoubleFunction<Point> nanos) {
        double first = nanos.applyAsDouble(points.get(0));
        return 100 * (points.stream().mapToDouble(nanos).max().orElseThrow() / first - 1);
    }

    /** The cost of a page in one setting. */
    record Point(String label, double faultNanos, double shutdownNanos) {}

    private Point measure(int gib, int tds, int users, String label) throws InterruptedException, ExecutionException {
        int runs = Math.max(FEWEST_RUNS, GIB_OF_RUNS / (gib * tds));
        double[] fault = new double[runs];
        double[] shutdown = new double[runs];
        for (int i = 0; i < runs; i++) {
            Point run = run(gib, tds, users);
            fault[i] = run.faultNanos;
            shutdown[i] = run.shutdownNanos;
        }
        Arrays.sort(fault);
        Arrays.sort(shutdown);
        Point median = new Point(label, fault[runs / 2], shutdown[runs / 2]);
        System.out.printf(
                Locale.ROOT,
                "%-14s %16.1f %18.1f   fault %.1f to %.1f%n",
                label,
                median.faultNanos,
                median.shutdownNanos,
                fault[0],
                fault[runs - 1]);
        return median;
    }

    private Point run(int gib, int tds, int users) throws InterruptedException, ExecutionException {
        long[][] pages = new long[gib * tds][PAGES_PER_GIB];
        try (PamtManager manager = PamtManager.builder()
                .host(host)
                .lockStrategy(LockStrategy.per2M())
                .build()) {
            long fault = onThreads(users, thread -> fault(manager, pages, thread, users));
            long shutdown = onThreads(users, thread -> shutDown(manager, pages, thread, users));
            double count = (double) PAGES_PER_GIB * pages.length / users;
            return new Point("", fault / count, shutdown / count);
        }
    }

    private void fault(PamtManager manager, long[][] pages, int thread, int users) {
        PageAllocator allocator = host.allocator();
        try (PamtPageCache cache = manager.newVcpuCache()) {
            for (int part = thread; part < 2 * pages.length; part += users) {
                faultHalf(manager, allocator, cache, pages, part);
            }
        }
    }

    private static void faultHalf(
            PamtManager manager, PageAllocator allocator, PamtPageCache cache, long[][] pages, int part) {
        int gib = part / 2;
        int first = part % 2 * (PAGES_PER_GIB / 2);
        for (int i = first; i < first + PAGES_PER_GIB / 2; i++) {
            cache.topUp(PamtPageCache.FAULT_PAIRS);
            long hpa = allocator.allocPage();
            manager.get(hpa, cache);
            pages[gib][i] = hpa;
        }
    }

    private void shutDown(PamtManager manager, long[][] pages, int thread, int users) {
        PageAllocator allocator = host.allocator();
        for (int part = thread; part < 2 * pages.length; part += users) {
            int first = part % 2 * (PAGES_PER_GIB / 2);
            for (int i = first; i < first + PAGES_PER_GIB / 2; i++) {
                long hpa = pages[part / 2][i];
                manager.put(hpa);
                allocator.freePage(hpa);
            }
        }
    }

    /** What one of the threads does. */
    private interface Work {
        void run(int thread);
    }

    private long onThreads(int users, Work work) throws InterruptedException, ExecutionException {
        List<Callable<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < users; i++) {
            int thread = i;
            tasks.add(() -> {
                work.run(thread);
                return null;
            });
        }
        long start = System.nanoTime();
        for (Future<Void> one : threads.invokeAll(tasks)) {
            one.get();
        }
        return System.nanoTime() - start;
    }
}
