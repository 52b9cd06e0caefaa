package dev.pamt.seamcall;

import java.io.Serial;

/**
 * The backend cannot reach its module: the other process is gone, the module is shut down by a fatal error.
 *
 * <p>State left: unknown. The call may or may not have been carried out, so pages that were handed over with it must be
 * treated as the module's.
 *
 * <p>A module that has shut itself down says in the message by what: {@code fatal error 343 in TDH.PHYMEM.PAMT.REMOVE on
 * processor 0}, on this processor and on all others.
 */
public class SeamcallUnavailableException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Says why the module is out of reach.
     *
     * @param message what happened, in words
     */
    public SeamcallUnavailableException(String message) {
        super(message);
    }

    /**
     * Says why the module is out of reach.
     *
     * @param message what happened, in words
     * @param cause the failure underneath
     */
    public SeamcallUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
