package dev.pamt.impl;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.function.LongSupplier;

/**
 * How long transitions hold their locks, and how much processor time they take meanwhile. Made only if a user wants to know: two
 * readings of two clocks for each transition.
 *
 * <p>Processor time needs the module java.management and a JVM that measures it for the thread; without either it stays 0.
 */
final class TransitionTimes {
    /** What is read where there is no processor time. */
    private static final long UNKNOWN = -1;

    private final StripedCount holdNanos = new StripedCount();
    private final StripedCount cpuNanos = new StripedCount();
    private final LongSupplier cpuClock = cpuClock();

    private static LongSupplier cpuClock() {
        try {
            return OfThread.clock();
        } catch (LinkageError noManagement) {
            return () -> UNKNOWN;
        }
    }

    /** Notes when a transition has got its first lock. */
    void begin(Transition transition) {
        transition.lockedAtNanos = System.nanoTime();
        transition.cpuAtNanos = cpuClock.getAsLong();
    }

    /** Counts a transition that has given its last lock back. */
    void end(Transition transition) {
        holdNanos.add(System.nanoTime() - transition.lockedAtNanos);
        long cpu = cpuClock.getAsLong();
        if (cpu >= 0 && transition.cpuAtNanos >= 0) {
            cpuNanos.add(cpu - transition.cpuAtNanos);
        }
    }

    long holdNanos() {
        return holdNanos.sum();
    }

    long cpuNanos() {
        return cpuNanos.sum();
    }

    /** The only class here that java.management must be there for. */
    private static final class OfThread {
        static LongSupplier clock() {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            return threads.isCurrentThreadCpuTimeSupported() ? threads::getCurrentThreadCpuTime : () -> UNKNOWN;
        }
    }
}
