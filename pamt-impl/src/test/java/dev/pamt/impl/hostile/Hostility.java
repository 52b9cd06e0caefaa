package dev.pamt.impl.hostile;

import dev.pamt.seamcall.SeamcallUnavailableException;

/** What a world throws at the manager: exceptions and errors that are known again when they come out of it. */
final class Hostility {
    private static final String MARK = "hostile: ";

    private Hostility() {}

    /** What a call can end in whose answer never comes. */
    static Throwable noAnswer(String where) {
        return switch (Chance.below(6)) {
            case 0 -> new Fault(where);
            case 1 -> new Breakdown(where);
            case 2 -> new OutOfMemoryError(MARK + where);
            case 3 -> new StackOverflowError(MARK + where);
            default -> new SeamcallUnavailableException(MARK + where);
        };
    }

    /** What a callback other than a SEAMCALL can end in. */
    static Throwable failure(String where) {
        return switch (Chance.below(4)) {
            case 0 -> new Breakdown(where);
            case 1 -> new OutOfMemoryError(MARK + where);
            default -> new Fault(where);
        };
    }

    static SeamcallUnavailableException notSent(String where) {
        return SeamcallUnavailableException.notSent(MARK + where, null);
    }

    static boolean mayHaveBeenMade(Throwable thrown) {
        return !(thrown instanceof SeamcallUnavailableException unavailable) || unavailable.mayHaveBeenMade();
    }

    static boolean isHostile(Throwable thrown) {
        return thrown.getMessage() != null && thrown.getMessage().startsWith(MARK);
    }

    /** Throws what cannot be declared. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    static <T extends Throwable> RuntimeException rethrow(Throwable thrown) throws T {
        throw (T) thrown;
    }

    static RuntimeException raise(Throwable thrown) {
        return Hostility.<RuntimeException>rethrow(thrown);
    }

    private static final class Fault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Fault(String where) {
            super(MARK + where, null, false, false);
        }
    }

    private static final class Breakdown extends Error {
        private static final long serialVersionUID = 1L;

        Breakdown(String where) {
            super(MARK + where, null, false, false);
        }
    }
}
