package dev.pamt.api;

import java.io.Serial;

/**
 * The manager was called from inside one of its own SEAMCALLs: by the backend, or by a {@link PamtManager.DemoteCall} or
 * {@link PamtManager.PromoteCall}. The thread holds the lock of a region there, and would wait for itself.
 *
 * <p>State left: as before the refused call; the SEAMCALL that is under way goes on.
 */
public final class ReentrantCallException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param call the call that was refused, such as {@code close}
     */
    public ReentrantCallException(String call) {
        super(call
                + " was called from inside a SEAMCALL of the same manager; a backend, a DemoteCall and a PromoteCall must"
                + " not call the manager, because their thread holds the lock of a region");
    }
}
