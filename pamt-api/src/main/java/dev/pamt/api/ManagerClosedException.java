package dev.pamt.api;

import java.io.Serial;

/** The manager, or the cache, has been closed. */
public final class ManagerClosedException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param what what has been closed, such as "the manager"
     */
    public ManagerClosedException(String what) {
        super(what + " is closed");
    }
}
