package dev.pamt.impl.oom;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/** Runs something on a thread of its own, and does not wait for it for ever. */
final class Deadline {
    private final Thread thread;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private Deadline(String name, Runnable work) {
        thread = new Thread(
                () -> {
                    try {
                        work.run();
                    } catch (RuntimeException | Error failed) {
                        failure.set(failed);
                    }
                },
                name);
        thread.setDaemon(true);
        thread.start();
    }

    /** Starts some work. */
    static Deadline start(String name, Runnable work) {
        return new Deadline(name, work);
    }

    /** Waits for the work; false if it is late. Throws what the work has thrown. */
    boolean isMet(long time, TimeUnit unit) {
        try {
            unit.timedJoin(thread, time);
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException("a test thread was interrupted", interrupted);
        }
        Throwable failed = failure.get();
        if (failed instanceof Error error) {
            throw error;
        }
        if (failed != null) {
            throw (RuntimeException) failed;
        }
        return !thread.isAlive();
    }

    Thread thread() {
        return thread;
    }

    /** Where the thread is, the innermost frames first. */
    String where() {
        return Arrays.stream(thread.getStackTrace())
                .limit(14)
                .map(frame ->
                        frame.getClassName().substring(frame.getClassName().lastIndexOf('.') + 1) + "."
                                + frame.getMethodName() + ":" + frame.getLineNumber())
                .collect(Collectors.joining(" < "));
    }
}
