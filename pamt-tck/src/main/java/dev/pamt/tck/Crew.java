package dev.pamt.tck;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;

/**
 * Threads of a test that all end, or are given up when none of them makes progress any more. They are daemons, so one that waits
 * for ever does not keep the JVM.
 */
final class Crew implements AutoCloseable {
    private static final long LOOK_MILLIS = 1;

    private final ExecutorService executor;
    private final CountDownLatch start = new CountDownLatch(1);
    private final LongAdder progress = new LongAdder();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final List<Future<?>> members = new ArrayList<>();

    /** What a thread does. */
    interface Work {
        void run() throws Exception;
    }

    private Crew(ExecutorService executor) {
        this.executor = executor;
    }

    static Crew ofPlatformThreads() {
        ThreadFactory daemons = work -> {
            Thread thread = new Thread(work, "contract");
            thread.setDaemon(true);
            return thread;
        };
        return new Crew(Executors.newCachedThreadPool(daemons));
    }

    /** Reached by reflection because the bytecode is that of Java 17. */
    static Crew ofVirtualThreads() throws ReflectiveOperationException {
        return new Crew((ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null));
    }

    /** Adds a thread, which begins its work at {@link #start}. */
    Crew add(Work work) {
        members.add(executor.submit(() -> {
            try {
                start.await();
                work.run();
            } catch (Throwable thrown) {
                failure.compareAndSet(null, thrown);
            }
            progress.increment();
        }));
        return this;
    }

    /** Adds a thread that begins at once. */
    static Crew running(Work work) {
        Crew crew = ofPlatformThreads().add(work);
        crew.start();
        return crew;
    }

    void start() {
        start.countDown();
    }

    /** Counts a step of one of the threads. */
    void advances() {
        progress.increment();
    }

    /** Whether a thread has thrown, which ends the work of the others. */
    boolean hasFailed() {
        return failure.get() != null;
    }

    /**
     * Starts the threads and waits for their end.
     *
     * @param patience for how long none of them may make progress
     * @return whether all have ended, or one has thrown
     * @throws AssertionError if a thread has thrown it
     */
    boolean ends(Duration patience) throws Exception {
        start();
        long seen = progress.sum();
        long since = System.nanoTime();
        while (!hasFailed() && !members.stream().allMatch(Future::isDone)) {
            Thread.sleep(LOOK_MILLIS);
            long now = progress.sum();
            if (now != seen) {
                seen = now;
                since = System.nanoTime();
            } else if (System.nanoTime() - since > patience.toNanos()) {
                break;
            }
        }
        Throwable thrown = failure.get();
        if (thrown instanceof AssertionError broken) {
            throw broken;
        } else if (thrown != null) {
            throw new AssertionError("a thread of the test has ended in " + thrown, thrown);
        }
        return members.stream().allMatch(Future::isDone);
    }

    @Override
    public void close() {
        executor.shutdownNow();
    }
}
