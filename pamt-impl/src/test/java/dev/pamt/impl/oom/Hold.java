package dev.pamt.impl.oom;

import dev.pamt.impl.oom.ScriptedModule.Ending;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/** Keeps a call inside the module until some threads wait for it, or have waited so long that they never will. */
final class Hold implements Ending {
    private static final long LONGEST_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final List<Thread> waiters;
    private final long lingerNanos;
    private volatile boolean reached;

    /**
     * Makes what the next call runs into.
     *
     * @param lingerNanos how much longer the call takes once they all wait
     */
    Hold(long lingerNanos, Thread... waiters) {
        this.waiters = new CopyOnWriteArrayList<>(waiters);
        this.lingerNanos = lingerNanos;
    }

    /** Lets the call wait for one more thread. */
    void alsoFor(Thread waiter) {
        waiters.add(waiter);
    }

    /** Waits until the call is in the module, or its thread has ended. */
    void awaitReached(Deadline caller) {
        while (!reached && caller.thread().isAlive()) {
            Thread.onSpinWait();
        }
    }

    @Override
    public long end(LongSupplier call) {
        reached = true;
        long since = System.nanoTime();
        while (!waiters.stream().allMatch(Hold::waits) && System.nanoTime() - since < LONGEST_NANOS) {
            Thread.onSpinWait();
        }
        if (lingerNanos > 0) {
            LockSupport.parkNanos(lingerNanos);
        }
        return call.getAsLong();
    }

    private static boolean waits(Thread thread) {
        return switch (thread.getState()) {
            case WAITING, TIMED_WAITING, TERMINATED -> true;
            default -> false;
        };
    }
}
