package dev.pamt.lab.measure;

import java.io.IOException;

/** A process has ended before all of its memory was looked at. */
public final class ProcessEndedException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param pid the number of the process
     */
    public ProcessEndedException(long pid) {
        super("process " + pid + " has ended");
    }
}
