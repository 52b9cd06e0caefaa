package dev.pamt.impl;

/** What the calls of {@link ManagerModel} have to answer, by one thread after the other. Public because Lincheck asks for it. */
public final class ManagerSpecification {
    private static final int THREADS = 3;
    private static final int REGIONS = 2;
    private static final int MAX_USERS = 512;
    private static final int NO_THREAD = -1;

    /** Whether pages for allocPage are to be had; set before a run. */
    static boolean pagesForAllocPage;

    private final int[][] users = new int[THREADS + 1][REGIONS];
    private final int[] allUsers = new int[REGIONS];
    private final int[] mappedBy = {NO_THREAD, NO_THREAD};
    private final boolean[] allocated = new boolean[THREADS + 1];

    /** Makes two empty regions. */
    public ManagerSpecification() {}

    /** get. */
    public String get(int thread, int region) {
        return take(thread, region, 1);
    }

    /** get of a range. */
    public String getRange(int thread, int region) {
        return take(thread, region, 3);
    }

    /** get of a whole region. */
    public String getAll(int thread, int region) {
        return take(thread, region, MAX_USERS);
    }

    /** get from the thread's cache. */
    public String getFromCache(int thread, int region) {
        return take(thread, region, 1);
    }

    /** get from a reservation. */
    public String getFromReservation(int thread, int region) {
        return take(thread, region, 1);
    }

    private String take(int thread, int region, int count) {
        if (mappedBy[region] != NO_THREAD) {
            return "mapped";
        }
        if (allUsers[region] + count > MAX_USERS) {
            return "full";
        }
        users[thread][region] += count;
        allUsers[region] += count;
        return "backed";
    }

    /** put. */
    public String put(int thread, int region) {
        return drop(thread, region, Math.min(1, users[thread][region]));
    }

    /** put of all. */
    public String putRange(int thread, int region) {
        return drop(thread, region, users[thread][region]);
    }

    private String drop(int thread, int region, int count) {
        users[thread][region] -= count;
        allUsers[region] -= count;
        return count == 0 ? "nothing to put" : "put";
    }

    /** allocPage or freePage. */
    public String allocOrFree(int thread) {
        if (!pagesForAllocPage) {
            return "pages are for pairs";
        }
        allocated[thread] = !allocated[thread];
        return allocated[thread] ? "backed" : "freed";
    }

    /** trim. */
    public void trim() {}

    /** map2M or unmap2M. */
    public String mapOrUnmap(int thread, int region) {
        if (mappedBy[region] == thread) {
            mappedBy[region] = NO_THREAD;
            return "unmapped";
        }
        if (mappedBy[region] != NO_THREAD) {
            return "mapped by another";
        }
        if (allUsers[region] > 0) {
            return "in use";
        }
        mappedBy[region] = thread;
        return "mapped";
    }

    /** promote2M. */
    public String promote(int thread, int region) {
        if (users[thread][region] < MAX_USERS) {
            return "not all users";
        }
        users[thread][region] = 0;
        allUsers[region] = 0;
        mappedBy[region] = thread;
        return "merged";
    }

    /** demote2M. */
    public String demote(int thread, int region) {
        if (mappedBy[region] != thread) {
            return "not mapped";
        }
        mappedBy[region] = NO_THREAD;
        users[thread][region] += MAX_USERS;
        allUsers[region] += MAX_USERS;
        return "backed";
    }
}
