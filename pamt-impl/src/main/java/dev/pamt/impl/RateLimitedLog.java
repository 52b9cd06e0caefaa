package dev.pamt.impl;

import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;

/**
 * A logger for what can happen thousands of times a second: one line a second, with the number of lines left out.
 *
 * <p>A log line that fails, for want of memory or for a fault of the logger, is dropped: it is written behind commit points.
 */
final class RateLimitedLog {
    private static final long INTERVAL_NANOS = 1_000_000_000;

    private final Logger logger;
    private final AtomicLong notBefore = new AtomicLong(System.nanoTime());
    private final AtomicLong leftOut = new AtomicLong();

    RateLimitedLog(Logger logger) {
        this.logger = logger;
    }

    /** Logs a line with an address and what it is about. Never throws. */
    void warn(String format, long hpa, Object about) {
        if (isDue()) {
            try {
                log(String.format(format, hpa, about), about instanceof Throwable failure ? failure : null);
            } catch (Throwable dropped) {
                leftOut.getAndIncrement();
            }
        }
    }

    /** Logs a line with an address and a status. Never throws. */
    void warnOfStatus(String format, long hpa, long status) {
        if (isDue()) {
            try {
                log(String.format(format, hpa, TdxStatus.toString(status)), null);
            } catch (Throwable dropped) {
                leftOut.getAndIncrement();
            }
        }
    }

    private boolean isDue() {
        long due = notBefore.get();
        long now = System.nanoTime();
        boolean mine = now - due >= 0 && notBefore.compareAndSet(due, now + INTERVAL_NANOS);
        if (!mine) {
            leftOut.getAndIncrement();
        }
        return mine;
    }

    private void log(String line, Throwable failure) {
        long before = leftOut.getAndSet(0);
        logger.warn(before == 0 ? line : line + " (" + before + " such lines were left out before)", failure);
    }
}
