package dev.pamt.impl;

import dev.pamt.api.RegionState;

/**
 * The 32-bit word of a 2M region, as pure functions. {@link RegionTable} stores the words and accesses them.
 *
 * <pre>
 *   31      28 27                               3    2     1  0
 *  +----------+----------------------------------+------+--------+
 *  |   tag    | users, strays or failed attempts |QUEUED|  lock  |
 *  +----------+----------------------------------+------+--------+
 * </pre>
 *
 * <p>Read as a number of pages, without the three low bits, the word of a region that is backed by a page pair is its users
 * if it is positive, and idle otherwise: 0, or minus the puts without a get that have just been made and are being refused
 * (strays, tag 0xF). All other states lie far below: 0xC empty, 0xB unknown, 0xA mapped as one 2M page, 0x9 a donor chunk, 0x8
 * outside the memory map, each in the middle of the numbers that begin with its tag.
 *
 * <p><b>Add first, look afterwards.</b> A get of one page adds a user and a put of one page takes one away, each in one step
 * and whatever the word is; the word that the step returns says whether it counts. So both are wait-free while the region is
 * backed, and need no loop. What does not count does no harm:
 *
 * <ul>
 *   <li>In a state that is not backed the word has moved a little from the middle, still has its tag, and the next store of a
 *       state wipes that. A failed attempt is never undone by an addition, so it can never hit a region that has been backed
 *       meanwhile: that is the flaw of the even/odd scheme of other reference counts here. With 24 bits on either side of the
 *       middle, and one page for each thread that has not wiped its attempt, no tag is ever reached.
 *   <li>A put that finds no users in a backed region leaves a number below zero. At every moment the users that callers hold
 *       are max(0, number). A get that finds it below zero has paid for a stray, is not counted, and adds again; a get that
 *       finds zero or more is counted by the word that it leaves. A thread that has made a stray wipes it before it throws, and
 *       any state that follows wipes it too, so no number stays below zero.
 * </ul>
 *
 * <p>A range of pages is added or taken away by compare-and-set from a word that allows it. A range that is added to a number
 * below zero would be counted in part, and one that is taken from too few users would cheat those that exist.
 *
 * <p>A region is unknown while a SEAMCALL for it is under way. It leaves its old state before the call and gets its new
 * one after an answer; if the call ends without an answer, or an Error ends the thread's work in between, it stays unknown. A
 * transition that finds no reason for a call gives the old state back.
 * So no region is ever believed empty over a live pair, or backed without one.
 *
 * <p>Who may change what:
 *
 * <ul>
 *   <li>anyone: adds or takes one page (fetch-and-add, whatever the word is), and wipes failed attempts and strays by
 *       compare-and-set from a word that has some;
 *   <li>anyone: adds a range to a backed word, or takes a range from one with enough users, by compare-and-set;
 *   <li>only the holder of the region's lock, or the thread that takes it in the same step: changes the state. From backed to
 *       anything else by compare-and-set from a word without users (or with exactly 512), so that a get that came first makes
 *       it fail; from anything else by a store that keeps the lock bits and QUEUED and wipes failed attempts;
 *   <li>a thread that waits for, takes or leaves the region's lock: the lock bits, if the lock strategy keeps its lock here;
 *   <li>the thread that puts the region into the idle queue or takes it out: QUEUED.
 * </ul>
 *
 * <p>A word holds more than 512 users only while a get of one page that will be refused is under way; it takes its page away
 * again as a put of a range does. A region of which only a part is RAM has an ordinary word: {@link RegionTable} keeps it off
 * the quick way, and its pages are looked up one by one before the word is touched.
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

    /** No state: the one that a region has. */
    static final int SAME = 1;

    static final int IDLE = 0;
    static final int EMPTY = 0xC800_0000;
    static final int UNKNOWN = 0xB800_0000;
    static final int HUGE = 0xA800_0000;
    static final int DONOR = 0x9800_0000;
    static final int OUTSIDE = 0x8800_0000;

    /** The lowest word of a backed region: one below zero for each stray. */
    private static final int LEAST_BACKED = 0xF000_0000;

    private static final int TAG = 0xF000_0000;
    /** Where the words of a tag have no failed attempts. */
    private static final int MIDDLE = 0x0800_0000;

    private static final int KEPT = LOCK_BITS | QUEUED;

    private RegionWord() {}

    /** The state without users, flags and failed attempts: IDLE for every backed word. */
    static int state(int word) {
        return isBacked(word) ? IDLE : (word & TAG) | MIDDLE;
    }

    static boolean isBacked(int word) {
        return word >= LEAST_BACKED;
    }

    static boolean isIdle(int word) {
        return isBacked(word) && users(word) == 0;
    }

    /** Whether a word is of a region in that state without users, whatever failed attempts are in it; no region is SAME. */
    static boolean isClaimable(int word, int from) {
        return from == IDLE ? isIdle(word) : state(word) == from;
    }

    /** The users of a backed word; no other has any. */
    static int users(int word) {
        return word >= 0 ? word >>> 3 : 0;
    }

    /** Whether one page that was added to a word, read before, counts and is not one too many. */
    static boolean admits(int before) {
        return before >>> 3 < MAX_USERS;
    }

    /** Whether a range can be added to a word. */
    static boolean admits(int word, int pages) {
        return isBacked(word) && users(word) + pages <= MAX_USERS;
    }

    /** Whether a range can be taken away from a word, or whether one page that was taken counts. */
    static boolean covers(int word, int pages) {
        return users(word) >= pages;
    }

    /** Whether a backed word is below zero: the next get pays for a put without one. */
    static boolean hasStrays(int word) {
        return word < 0 && isBacked(word);
    }

    /** Whether a word has failed attempts or strays, which mean nothing. */
    static boolean hasAttempts(int word) {
        return word < 0 && (word & ~KEPT) != state(word);
    }

    /** A backed word with that many users. */
    static int backed(int users) {
        return users << 3;
    }

    /** The word of another state, with what must survive: lock bits and QUEUED. */
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
