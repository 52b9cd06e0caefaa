package dev.pamt.impl.faults;

import dev.pamt.seamcall.SeamcallUnavailableException;

/** What a callback throws. */
enum Thrown {
    RUNTIME_EXCEPTION {
        @Override
        Throwable make() {
            return new IllegalStateException("thrown by a callback");
        }
    },
    OUT_OF_MEMORY {
        @Override
        Throwable make() {
            return new OutOfMemoryError("thrown by a callback");
        }
    },
    STACK_OVERFLOW {
        @Override
        Throwable make() {
            return new StackOverflowError("thrown by a callback");
        }
    },
    /** The backend has lost its module. */
    UNAVAILABLE {
        @Override
        Throwable make() {
            return new SeamcallUnavailableException("the module is gone");
        }
    },
    /** The backend has lost its module before it has sent the call. */
    NOT_SENT {
        @Override
        Throwable make() {
            return SeamcallUnavailableException.notSent("the module is gone", null);
        }
    };

    abstract Throwable make();

    /** Throws what needs no declaration. */
    static void raise(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) thrown;
    }
}
