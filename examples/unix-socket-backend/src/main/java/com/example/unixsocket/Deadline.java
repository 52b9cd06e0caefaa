package com.example.unixsocket;

import java.net.SocketTimeoutException;
import java.util.concurrent.TimeUnit;

/** Until when there must be an answer. Immutable and thread-safe. */
final class Deadline {
    /** No end: {@link #millisLeft} is 0, which is what a selector takes for it. */
    static final Deadline NEVER = new Deadline(0);

    private final long millis;
    private final long end;

    private Deadline(long millis) {
        this.millis = millis;
        end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    }

    /** A time from now on, of at least 1 ms. */
    static Deadline in(long millis) {
        if (millis < 1) {
            throw new IllegalArgumentException("a deadline is at least 1 ms away, not " + millis);
        }
        return new Deadline(millis);
    }

    /** The time that is left, at least 1 ms. */
    long millisLeft() throws SocketTimeoutException {
        if (millis == 0) {
            return 0;
        }
        long nanos = end - System.nanoTime();
        if (nanos <= 0) {
            throw new SocketTimeoutException("no answer within " + millis + " ms");
        }
        return TimeUnit.NANOSECONDS.toMillis(nanos) + 1;
    }
}
