package dev.pamt.lab.host;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/** Threads that begin at the same moment. Stateless; any thread may use it. */
public final class Crew {
    private Crew() {}

    /** What a thread does. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does it.
         *
         * @param number the number of the thread, from 0
         * @throws InterruptedException if the thread is interrupted
         */
        void run(int number) throws InterruptedException;
    }

    /**
     * Runs a task on each of some threads, and waits for all of them.
     *
     * @param threads how many
     * @param task what each of them does
     * @return nanoseconds from the moment at which all have begun to the end of the last
     * @throws RuntimeException what a task has thrown, if one has; the others have ended, too
     * @throws InterruptedException if this thread is interrupted
     */
    public static long run(int threads, Task task) throws InterruptedException {
        AtomicLong start = new AtomicLong();
        CyclicBarrier everybody = new CyclicBarrier(threads, () -> start.set(System.nanoTime()));
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int number = i;
                tasks.add(() -> {
                    everybody.await();
                    task.run(number);
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
