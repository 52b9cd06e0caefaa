package dev.pamt.lab.experiment;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;

/** Threads that begin at the same moment. */
final class Crew {
    private Crew() {}

    /**
     * Runs a task on each of some threads, and waits for all of them.
     *
     * @param threads how many
     * @param task is told the number of its thread
     * @return nanoseconds from the moment at which all have begun to the end of the last
     * @throws RuntimeException what a task has thrown, if one has; the others have ended, too
     */
    static long run(int threads, IntConsumer task) throws InterruptedException {
        AtomicLong start = new AtomicLong();
        CyclicBarrier everybody = new CyclicBarrier(threads, () -> start.set(System.nanoTime()));
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int number = i;
                tasks.add(() -> {
                    everybody.await();
                    task.accept(number);
                    return null;
                });
            }
            List<Future<Void>> futures = executor.invokeAll(tasks);
            long nanos = System.nanoTime() - start.get();
            for (Future<Void> future : futures) {
                rethrow(future);
            }
            return nanos;
        } finally {
            executor.shutdownNow();
        }
    }

    private static void rethrow(Future<Void> future) throws InterruptedException {
        try {
            future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException exception) {
                throw exception;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
