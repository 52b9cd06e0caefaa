package dev.pamt.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that do one job at once, again and again. Platform threads yield between two rounds instead of parking: to wake one
 * takes as long as a SEAMCALL, and they would come one after another. Virtual threads park, because their carriers would take the
 * processors from the thread that begins a round.
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
    private final boolean parks;
    /** The thread that waits for the end of a round; written before the round begins. */
    private Thread waiting;

    private volatile int round;
    private volatile boolean ended;

    /** Starts platform or virtual threads. */
    Crowd(int size, String kind, Job job) throws ReflectiveOperationException {
        this.job = job;
        parks = kind.equals("virtual");
        ThreadFactory factory = factoryOf(kind);
        for (int i = 0; i < size; i++) {
            int number = i;
            Thread thread = factory.newThread(() -> takePart(number));
            threads.add(thread);
            thread.start();
        }
    }

    /** Makes virtual threads by reflection, because the bytecode is of JDK 17. */
    private static ThreadFactory factoryOf(String kind) throws ReflectiveOperationException {
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
        waiting = Thread.currentThread();
        busy.set(threads.size());
        round++;
        wakeAll();
        while (busy.get() != 0) {
            pause();
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
            if (busy.decrementAndGet() == 0 && parks) {
                LockSupport.unpark(waiting);
            }
        }
    }

    private void wakeAll() {
        if (parks) {
            threads.forEach(LockSupport::unpark);
        }
    }

    private void pause() {
        if (parks) {
            LockSupport.park(this);
        } else {
            Thread.yield();
        }
    }

    /** Waits for the round after those that are done; returns false if there is none. */
    private boolean awaitRound(int done) {
        while (round == done) {
            if (ended) {
                return false;
            }
            pause();
        }
        return true;
    }

    @Override
    public void close() {
        ended = true;
        wakeAll();
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
