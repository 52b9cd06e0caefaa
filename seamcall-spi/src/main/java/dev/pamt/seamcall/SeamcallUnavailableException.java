package dev.pamt.seamcall;

import java.io.Serial;

/**
 * The backend cannot reach its module: the other process is gone, the module is shut down by a fatal error.
 *
 * <p>State left: unknown, unless {@link #mayHaveBeenMade} is false. The call may or may not have been carried out, so pages
 * that were handed over with it must be treated as the module's. A backend that knows that the call never left the caller
 * throws {@link #notSent} instead, and the pages stay the caller's.
 *
 * <p>A module that has shut itself down says in the message by what: {@code fatal error 343 in TDH.PHYMEM.PAMT.REMOVE on
 * processor 0}, on this processor and on all others.
 */
public class SeamcallUnavailableException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 2L;

    private final boolean mayHaveBeenMade;

    /**
     * Says why the module is out of reach. The call may have been carried out.
     *
     * @param message what happened, in words
     */
    public SeamcallUnavailableException(String message) {
        this(message, null, true);
    }

    /**
     * Says why the module is out of reach. The call may have been carried out.
     *
     * @param message what happened, in words
     * @param cause the failure underneath
     */
    public SeamcallUnavailableException(String message, Throwable cause) {
        this(message, cause, true);
    }

    private SeamcallUnavailableException(String message, Throwable cause, boolean mayHaveBeenMade) {
        super(message, cause);
        this.mayHaveBeenMade = mayHaveBeenMade;
    }

    /**
     * Returns an exception for a call that was not sent: the module has not seen it and never will.
     *
     * @param message what happened, in words
     * @param cause the failure underneath, or null
     * @return the exception, to be thrown
     */
    public static SeamcallUnavailableException notSent(String message, Throwable cause) {
        return new SeamcallUnavailableException(message, cause, false);
    }

    /**
     * Returns whether the module may have carried the call out.
     *
     * @return false if the call was certainly not sent
     */
    public boolean mayHaveBeenMade() {
        return mayHaveBeenMade;
    }
}
