package dev.pamt.seamcall.conformance;

import java.io.Serial;

/** The module of a backend does not come up as the recorded one did. */
final class BringUpException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    BringUpException(String message) {
        super(message);
    }
}
