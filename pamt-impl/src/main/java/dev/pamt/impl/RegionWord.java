package dev.pamt.impl;

import dev.pamt.api.RegionState;

/**
 * The 32-bit word of a 2M region, as pure functions. {@link RegionTable} stores the words and accesses them.
 *
 * <pre>
 *   31      28   27  26                        3    2     1  0
 *  +----------+----+---------------------------+------+--------+
 *  |   tag    |EDGE| users, or failed attempts |QUEUED|  lock  |
 *  +----------+----+---------------------------+------+--------+
 * </pre>
 *
 * <p>The tag says what the region is: 0 backed by a page pair (with 0 users: idle), 0xC empty, 0xB unknown, 0xA mapped as
 * one 2M page, 0x9 a donor chunk, 0x8 outside the memory map. All but backed are negative numbers, far from zero, which is
 * what makes the get wait-free: it adds a user first and checks afterwards. If the word was backed the user counts; if not,
 * the word has moved a little away from its base, still has its tag, and the next store of the state wipes that. A failed
 * attempt is never subtracted, so it can never be taken from a region that has been backed meanwhile. That (an undo that
 * hits a re-armed word) is the flaw of the even/odd scheme of other reference counts here.
 *
 * <p>A region is unknown while a SEAMCALL for it is under way. It leaves its old state before the call and gets its new
 * one after an answer; if the call ends without an answer, or an Error ends the thread's work in between, it stays unknown. A
 * transition that finds no reason for a call gives the old state back.
 * So no region is ever believed empty over a live pair, or backed without one.
 *
 * <p>Who may change what:
 *
 * <ul>
 *   <li>anyone: adds users (fetch-and-add, whatever the word is), and wipes failed attempts by compare-and-set from a word
 *       that is not backed;
 *   <li>anyone with a reference: takes a user away by compare-and-set from a word with enough users, so that a put
 *       without a get is refused and never shows, not even for a moment;
 *   <li>only the holder of the region's lock, or the thread that takes it in the same step: changes the tag. From backed to anything else by compare-and-set from
 *       exactly 0 (or 512) users, so that a get that came first makes it fail; from anything else by a store that keeps
 *       the lock bits, QUEUED and EDGE and wipes failed attempts;
 *   <li>a thread that waits for, takes or leaves the region's lock: the lock bits, if the lock strategy keeps its lock here;
 *   <li>the thread that puts the region into the idle queue or takes it out: QUEUED.
 * </ul>
 *
 * <p>A word holds more than 512 users only while a get that will be refused is under way; it takes them away as a put
 * does. EDGE never changes: it marks regions of which only a part is RAM, whose pages are therefore looked up one by one,
 * and it keeps them off the fast path by making their word look like one with too many users.
 *
 * <p>Failed attempts have 24 bits. A getter that fails and finds {@link #MANY_ATTEMPTS} of them wipes them before it goes
 * on, and one that gives up wipes them as well, so none stay at rest. They reach EDGE only if 24,576 threads are at once
 * between their fetch-and-add and the wipe, each with 512 pages. Nothing in between blocks: a virtual thread is not unmounted
 * there, and as many platform threads would have to be preempted within some ten instructions.
 */
final class RegionWord {
    /** Pages of a region, and so the most users that it can have. */
    static final int MAX_USERS = 512;

    /** What one user adds to the word. */
    static final int USER = 1 << 3;

    static final int LOCK_BITS = 0b11;
    /** The lock bit of a strategy of ours: the other one says that threads are parked. */
    static final int LOCKED = 0b01;

    static final int QUEUED = 1 << 2;
    static final int EDGE = 1 << 27;

    /** No state: the one that a region has. */
    static final int SAME = 1;

    static final int IDLE = 0;
    static final int EMPTY = 0xC000_0000;
    static final int UNKNOWN = 0xB000_0000;
    static final int HUGE = 0xA000_0000;
    static final int DONOR = 0x9000_0000;
    static final int OUTSIDE = 0x8000_0000;

    /** Failed attempts that the next getter wipes: a quarter of what the word can hold. */
    static final int MANY_ATTEMPTS = 1 << 22;

    private static final int TAG = 0xF000_0000;
    private static final int COUNT = 0x07FF_FFF8;
    private static final int KEPT = LOCK_BITS | QUEUED | EDGE;

    private RegionWord() {}

    /** The state without users, flags and failed attempts: IDLE for every backed word. */
    static int state(int word) {
        return word & TAG;
    }

    static boolean isBacked(int word) {
        return word >= 0;
    }

    static boolean isIdle(int word) {
        return word >= 0 && (word & COUNT) == 0;
    }

    /** Whether a word is of a region in that state without users, whatever failed attempts are in it; no region is SAME. */
    static boolean isClaimable(int word, int from) {
        return from == IDLE ? isIdle(word) : state(word) == from;
    }

    /** The users of a backed word, or the failed attempts in another. */
    static int users(int word) {
        return (word & COUNT) >>> 3;
    }

    /** Whether a word, read before the users were added to it, is of a region that can have them, without a further look. */
    static boolean admits(int before, int pages) {
        return (before >>> 3) + pages <= MAX_USERS;
    }

    /** Whether users can be taken away from a word without a further look. */
    static boolean covers(int word, int pages) {
        int users = word >>> 3;
        return users >= pages && users <= MAX_USERS;
    }

    static boolean isEdge(int word) {
        return (word & EDGE) != 0;
    }

    /** A backed word with that many users. */
    static int backed(int users) {
        return users << 3;
    }

    /** The word of another state, with what must survive: lock bits, QUEUED and EDGE. */
    static int withState(int word, int state) {
        return state | (word & KEPT);
    }

    static RegionState describe(int word) {
        return switch (state(word)) {
            case EMPTY -> new RegionState(RegionState.Kind.EMPTY, 0);
            case UNKNOWN -> new RegionState(RegionState.Kind.UNKNOWN, 0);
            case HUGE -> new RegionState(RegionState.Kind.HUGE, 0);
            case DONOR -> new RegionState(RegionState.Kind.DONOR, 0);
            case OUTSIDE -> new RegionState(RegionState.Kind.OUTSIDE, 0);
            default ->
                users(word) == 0
                        ? new RegionState(RegionState.Kind.IDLE, 0)
                        : new RegionState(RegionState.Kind.BACKED, users(word));
        };
    }
}
