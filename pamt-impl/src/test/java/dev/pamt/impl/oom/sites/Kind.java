package dev.pamt.impl.oom.sites;

/** Which error is thrown, and where. */
public enum Kind {
    /** No memory for an object: at every instruction of a method that allocates one. */
    ALLOCATION,
    /** No room on the stack: at the beginning of every method. */
    METHOD_ENTRY;

    /** Makes the error. */
    public Error newError() {
        return this == ALLOCATION
                ? new OutOfMemoryError("thrown by the test")
                : new StackOverflowError("thrown by the test");
    }
}
