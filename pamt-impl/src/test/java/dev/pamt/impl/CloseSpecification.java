package dev.pamt.impl;

/** What the calls of {@link CloseModel} have to answer, by one thread after the other. Public because Lincheck asks for it. */
public final class CloseSpecification {
    private final int[] users = new int[CloseModel.THREADS + 1];
    private int allUsers;
    private boolean closed;

    /** Makes an open manager. */
    public CloseSpecification() {}

    /** get. */
    public String get(int thread) {
        if (closed) {
            return "closed";
        }
        users[thread]++;
        allUsers++;
        return "backed";
    }

    /** put. */
    public String put(int thread) {
        if (users[thread] == 0) {
            return "nothing to put";
        }
        users[thread]--;
        allUsers--;
        return "put";
    }

    /** A cache of the thread's, new and filled. */
    public String fillCache(int thread) {
        return closed ? "closed" : "filled";
    }

    /** A reservation of the VM's cache, used for a get. */
    public String getFromReservation(int thread) {
        return get(thread);
    }

    /** trim. */
    public String trim() {
        return closed ? "closed" : "trimmed";
    }

    /** close. */
    public String close() {
        closed |= allUsers == 0;
        return closed ? "closed" : "in use";
    }
}
