package dev.pamt.api;

import java.io.Serial;

/**
 * Something that the manager refuses or cannot do. The state of every region, page and cache is as it was before the
 * call, unless the subclass says otherwise.
 */
public abstract class PamtException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    PamtException(String message) {
        super(message);
    }

    PamtException(String message, Throwable cause) {
        super(message, cause);
    }
}
