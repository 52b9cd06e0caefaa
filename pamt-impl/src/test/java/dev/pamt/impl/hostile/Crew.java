package dev.pamt.impl.hostile;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/** Some threads that begin together. */
final class Crew {
    private static final long LONGEST_MILLIS = 120_000;

    private Crew() {}

    /** What one of the threads does. */
    interface Task {
        void run(int index);
    }

    /** Runs a task on each thread and throws what one of them has thrown. */
    static void run(int threads, Task task) throws InterruptedException {
        CountDownLatch ready = new CountDownLatch(threads);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> crew = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int index = i;
            Thread thread = new Thread(() -> {
                try {
                    ready.countDown();
                    ready.await();
                    task.run(index);
                } catch (Throwable thrown) {
                    failure.compareAndSet(null, thrown);
                }
            });
            thread.setDaemon(true);
            thread.start();
            crew.add(thread);
        }
        for (Thread thread : crew) {
            thread.join(LONGEST_MILLIS);
            if (thread.isAlive()) {
                throw new AssertionError("wedged: " + List.of(thread.getStackTrace()));
            }
        }
        if (failure.get() != null) {
            throw new AssertionError("a thread has failed", failure.get());
        }
    }
}
