package dev.pamt.impl.oom.sites;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** Throws an error once, when a site is passed on a given path for the n-th time. */
public final class Trap implements Sites.Observer {
    private final Passage passage;
    private final Supplier<Error> errors;
    private final AtomicInteger looks = new AtomicInteger();
    private final AtomicInteger times = new AtomicInteger();
    private volatile Error thrown;

    /**
     * Sets a trap.
     *
     * @param passage when to throw
     * @param errors makes what is thrown
     */
    public Trap(Passage passage, Supplier<Error> errors) {
        this.passage = passage;
        this.errors = errors;
    }

    @Override
    public void reached(int site) {
        if (site == passage.site()
                && thrown == null
                && looks.incrementAndGet() <= 2 * Recording.LOOKS
                && Sites.path().equals(passage.path())
                && times.incrementAndGet() == passage.nth()) {
            Error error = errors.get();
            thrown = error;
            throw error;
        }
    }

    /** Whether the error was thrown. */
    public boolean hasThrown() {
        return thrown != null;
    }

    /** Whether this is the error that was thrown, or was caused by it. */
    public boolean isBehind(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause == thrown) {
                return true;
            }
        }
        return false;
    }
}
