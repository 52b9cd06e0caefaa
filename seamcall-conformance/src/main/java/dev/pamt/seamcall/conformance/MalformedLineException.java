package dev.pamt.seamcall.conformance;

import java.io.Serial;

/** A line of a recording makes no sense: a mistake of its author, not of the backend. */
final class MalformedLineException extends IllegalArgumentException {
    @Serial
    private static final long serialVersionUID = 1L;

    MalformedLineException(String message) {
        super(message);
    }

    MalformedLineException(String message, Throwable cause) {
        super(message, cause);
    }
}
