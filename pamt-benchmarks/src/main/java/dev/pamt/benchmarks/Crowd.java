package dev.pamt.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Threads that do one job at once, again and again. Between two rounds they yield instead of parking: to wake a parked thread
 * takes as long as a SEAMCALL, and the threads would come one after another.
 */
final class Crowd implements AutoCloseable {
    /** What a thread does in a round. */
    interface Job {
        void run(int thread) throws Exception;
    }

    private final List<Thread> threads = new ArrayList<>();
    private final AtomicInteger busy = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final Job job;
    private volatile int round;
    private volatile boolean ended;

    Crowd(int size, ThreadFactory factory, Job job) {
        this.job = job;
        for (int i = 0; i < size; i++) {
            int number = i;
            Thread thread = factory.newThread(() -> takePart(number));
            threads.add(thread);
            thread.start();
        }
    }

    /** Platform or virtual threads; the latter by reflection, as the bytecode is of JDK 17. */
    static ThreadFactory threads(String kind) throws ReflectiveOperationException {
        if (kind.equals("platform")) {
            return Thread::new;
        }
        if (!kind.equals("virtual") || Runtime.version().feature() < 21) {
            throw new IllegalArgumentException("threads are platform or, with JDK 21 or newer, virtual; not " + kind
                    + " with JDK " + Runtime.version().feature());
        }
        Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
        return (ThreadFactory)
                Class.forName("java.lang.Thread$Builder").getMethod("factory").invoke(builder);
    }

    /** Lets all threads do the job and returns when the last has done it. */
    void runOnce() {
        busy.set(threads.size());
        round++;
        while (busy.get() != 0) {
            Thread.yield();
        }
        if (failure.get() != null) {
            throw new IllegalStateException("a thread of the crowd has failed", failure.get());
        }
    }

    private void takePart(int number) {
        for (int done = 0; awaitRound(done); done++) {
            try {
                job.run(number);
            } catch (Exception | Error e) {
                failure.compareAndSet(null, e);
            }
            busy.getAndDecrement();
        }
    }

    /** Waits for the round after those that are done; returns false if there is none. */
    private boolean awaitRound(int done) {
        while (round == done) {
            if (ended) {
                return false;
            }
            Thread.yield();
        }
        return true;
    }

    @Override
    public void close() {
        ended = true;
        for (Thread thread : threads) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
