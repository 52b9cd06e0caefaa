package dev.pamt.impl;

import dev.pamt.api.RegionState;

/**
 * One 2M region: its address, and the moves of its word that are made off the fast path. {@link RegionWord} says who may make
 * which.
 *
 * <p>Immutable but for the word, which all threads share.
 */
final class Region {
    /**
     * Turns of a spin loop for which a compare-and-set leaves the word to the others when one of them has been faster: they get
     * on while they have its cache line, where trying again at once would only take the line away.
     */
    private static final int SHORTEST_PAUSE = 16;

    private static final int LONGEST_PAUSE = 64;

    /** The lock is held by another thread. */
    static final int HELD = 0;
    /** The lock is taken. */
    static final int TAKEN = 1;
    /** The lock is taken, and the region is unknown. */
    static final int CLAIMED = 2;

    /** The address of the region, a multiple of 2 MiB. */
    final long hpa;

    private final int[] words;
    private final int slot;

    Region(long hpa, int[] words, int slot) {
        this.hpa = hpa & -RegionTable.REGION_BYTES;
        this.words = words;
        this.slot = slot;
    }

    /** Returns the number of the region, which its lock is chosen by. */
    long number() {
        return RegionTable.regionOf(hpa);
    }

    int word() {
        return RegionTable.lv(words, slot);
    }

    int state() {
        return RegionWord.state(word());
    }

    boolean isBacked() {
        return RegionWord.isBacked(word());
    }

    RegionState describe() {
        return RegionWord.describe(word());
    }

    /**
     * Adds a user, whatever the word is, and again as long as the addition pays for a stray; returns the word as it was before
     * the addition that tells.
     */
    static int addUser(int[] words, int slot) {
        int before;
        do {
            before = RegionTable.faa(words, slot, RegionWord.USER);
        } while (RegionWord.hasStrays(before));
        return before;
    }

    /** Takes a user away, whatever the word is; if there was none, wipes the stray. Returns the word as it was. */
    static int dropUser(int[] words, int slot) {
        int before = RegionTable.faa(words, slot, -RegionWord.USER);
        if (!RegionWord.covers(before, 1)) {
            wipeAttempts(words, slot);
        }
        return before;
    }

    /** Adds users if the region is backed and has room; returns the word as it was, or the one that does not admit them. */
    int addUsersIfRoom(int pages) {
        return addUsersIfRoom(words, slot, pages);
    }

    static int addUsersIfRoom(int[] words, int slot, int pages) {
        int seen = RegionTable.lv(words, slot);
        for (int pause = SHORTEST_PAUSE; RegionWord.admits(seen, pages); pause = longer(pause)) {
            int sum = RegionWord.withState(seen, RegionWord.backed(RegionWord.users(seen) + pages));
            if (RegionTable.cae(words, slot, seen, sum) == seen) {
                return seen;
            }
            seen = RegionTable.spinThenLv(pause, words, slot);
        }
        return seen;
    }

    /** Spins for as long as the region is unknown, and at most for the time that a SEAMCALL takes. */
    void awaitKnown() {
        for (int turn = 0; turn < BitLocks.SPINS && state() == RegionWord.UNKNOWN; turn++) {
            Thread.onSpinWait();
        }
    }

    /** Takes users away if the region is backed and has them; returns the word as it was, or one that does not cover them. */
    static int dropUsersIfAny(int[] words, int slot, int pages) {
        int seen = RegionTable.lv(words, slot);
        for (int pause = SHORTEST_PAUSE; RegionWord.covers(seen, pages); pause = longer(pause)) {
            if (RegionTable.cae(words, slot, seen, seen - RegionWord.backed(pages)) == seen) {
                return seen;
            }
            seen = RegionTable.spinThenLv(pause, words, slot);
        }
        return seen;
    }

    private static int longer(int pause) {
        return Math.min(2 * pause, LONGEST_PAUSE);
    }

    /** Gives a backed region another state if it has exactly that many users; only the holder of the lock may do that. */
    boolean leaveBacked(int users, int state) {
        int seen = word();
        while (RegionWord.isBacked(seen) && RegionWord.users(seen) == users) {
            int witness = RegionTable.cae(words, slot, seen, RegionWord.withState(seen, state));
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Gives a region that is not backed another state, and wipes failed attempts; only the holder of the lock may do that. */
    void setState(int state) {
        RegionTable.setState(words, slot, state);
    }

    /**
     * Takes the lock that lies in the word, and in the same step makes the region unknown if its state is the one that is asked
     * for, without users.
     *
     * @param from the state, {@link RegionWord#IDLE} or {@link RegionWord#EMPTY}; {@link RegionWord#SAME} takes the lock only
     * @return {@link #HELD}, {@link #TAKEN} or {@link #CLAIMED}
     */
    int tryLockAndClaim(int from) {
        int seen = word();
        while ((seen & RegionWord.LOCKED) == 0) {
            boolean claims = RegionWord.isClaimable(seen, from);
            int claimed = claims ? RegionWord.withState(seen, RegionWord.UNKNOWN) : seen;
            int witness = RegionTable.cae(words, slot, seen, claimed | RegionWord.LOCKED);
            if (witness == seen) {
                return claims ? CLAIMED : TAKEN;
            }
            seen = witness;
        }
        return HELD;
    }

    /** Makes the region unknown if its state is the one that is asked for, without users; only the holder of the lock may do that. */
    boolean claim(int from) {
        int seen = word();
        while (RegionWord.isClaimable(seen, from)) {
            int witness = RegionTable.cae(words, slot, seen, RegionWord.withState(seen, RegionWord.UNKNOWN));
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /**
     * Frees the lock that lies in the word, and gives the region another state in the same step; false, and nothing is changed,
     * if threads are parked for the lock.
     *
     * @param state the state, or {@link RegionWord#SAME}
     */
    boolean unlock(int state) {
        int seen = word();
        while ((seen & RegionWord.LOCK_BITS) == RegionWord.LOCKED) {
            int left = state == RegionWord.SAME ? seen : RegionWord.withState(seen, state);
            int witness = RegionTable.cae(words, slot, seen, left & ~RegionWord.LOCKED);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Wipes failed attempts and strays from the word. They mean nothing, so any thread may do it. */
    void wipeAttempts() {
        wipeAttempts(words, slot);
    }

    static void wipeAttempts(int[] words, int slot) {
        int seen = RegionTable.lv(words, slot);
        while (RegionWord.hasAttempts(seen)) {
            int witness = RegionTable.cae(words, slot, seen, RegionWord.withState(seen, RegionWord.state(seen)));
            if (witness == seen) {
                return;
            }
            seen = witness;
        }
    }

    /** Whether a word is of an idle region that is not queued. */
    static boolean canBeQueued(int word) {
        return RegionWord.isIdle(word) && (word & RegionWord.QUEUED) == 0;
    }

    /** Marks an idle region as queued; returns whether this call has set the mark. */
    static boolean markQueued(int[] words, int slot) {
        int seen = RegionTable.lv(words, slot);
        while (canBeQueued(seen)) {
            int witness = RegionTable.cae(words, slot, seen, seen | RegionWord.QUEUED);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** Clears the mark of a region that was taken out of the queue; whatever its state is now. */
    static void clearQueued(int[] words, int slot) {
        int seen = RegionTable.lv(words, slot);
        while ((seen & RegionWord.QUEUED) != 0) {
            int witness = RegionTable.cae(words, slot, seen, seen & ~RegionWord.QUEUED);
            if (witness == seen) {
                return;
            }
            seen = witness;
        }
    }
}
