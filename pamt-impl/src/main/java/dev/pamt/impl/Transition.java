package dev.pamt.impl;

import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.lang.reflect.UndeclaredThrowableException;

/**
 * One transition of a region on its way: the locks it has taken, the pair it has in hand, its call of the module and the
 * answer. Made before anything is taken, so that nothing behind a commit point needs memory. One thread's alone.
 *
 * <p>The order within a transition is what makes the contract hold, that a caller that has got a region finds its pair
 * installed:
 *
 * <ul>
 *   <li>Into backed: look again under the lock, ADD, and only then store the users. A getter that saw the old word has
 *       failed and comes for the lock; one that sees the new word comes after the ADD.
 *   <li>Out of backed: compare-and-set from a word without users, and only then REMOVE. A getter that came first makes the
 *       compare-and-set fail; one that comes later fails itself and waits for the lock. A putter that is late (its zero
 *       has been taken back and perhaps reached again by others) finds whatever is true now, and either does the reclaim
 *       that is due or nothing.
 *   <li>In between the region is unknown. It gets a new state from an answer and from nothing else: after an error the one that
 *       it had, after no answer none.
 * </ul>
 *
 * <p><b>What throws.</b> Getting throws, and has then changed nothing but what a call without an answer leaves behind. Reclaiming
 * never throws: its user is gone. Everything that can throw on its way (the choice of a processor, the locks, memory for the
 * transition) lies before the compare-and-set; a region whose reclaim fails there is idle, and is tried again.
 *
 * <p>No host memory is asked for, and no page given back, while a region's lock is held: pairs are taken before and given
 * back after.
 */
final class Transition {
    /** The call of the module that a transition makes. */
    enum Leaf {
        ADD,
        REMOVE,
        DEMOTE,
        PROMOTE,
        /** An ADD that every module refuses, made to see whether there is one. */
        PROBE
    }

    /** How a call has ended. There is no status for a call without an answer. */
    enum Answer {
        /** Not made yet. */
        NONE,
        SUCCESS,
        /** The module has answered with an error; nothing has changed. */
        ERROR,
        /** The call ended in an exception before it was sent; nothing has changed. */
        NOT_SENT,
        /** The call ended in an exception; it may have been carried out. */
        NO_ANSWER
    }

    final Region region;
    /** The address that the caller named, for messages. */
    final long hpa;

    final Seamcalls seamcalls;
    final SeamcallRegisters regs = new SeamcallRegisters();
    DemoteCall demoteCall;
    PromoteCall promoteCall;

    /** The pair to donate, as long as it belongs to this transition; null if there is none. */
    PagePair pair;

    /** Why there is no pair; null if there is one, or none was asked for. */
    PamtException shortage;

    Answer answer = Answer.NONE;
    /** What the module has answered; only with SUCCESS and ERROR. */
    long status;

    /** What the call has thrown; only with NOT_SENT and NO_ANSWER. */
    Throwable failure;

    /** How often the reclaim of the region has failed before, if it was taken from those that are tried again. */
    int failures;

    /** Whether a call was made or tried, and so was counted. */
    boolean called;

    /** Whether the two pages below came back from the module and are this transition's. */
    boolean pairCameBack;

    boolean cameFromChunk;
    long page0Hpa;
    long page1Hpa;

    /** The state that the transition begins in: if the region is in it without users, it is unknown once the lock is taken. */
    int claims = RegionWord.SAME;

    /** Whether the region was in that state. */
    boolean claimed;

    /** The state that the region gets when its lock is given back. */
    int nextState = RegionWord.SAME;

    /** When it got its first lock, and the processor time of its thread then; only if transitions are timed. */
    long lockedAtNanos;

    long cpuAtNanos;

    /** The locks, lowest first, and how many of them are taken. */
    long lock0;

    long lock1;
    long lock2;
    int locksTaken;

    Transition(Region region, long hpa, Seamcalls seamcalls) {
        this.region = region;
        this.hpa = hpa;
        this.seamcalls = seamcalls;
    }

    /** Makes the region unknown if it is in a state, without users; under its lock. */
    void claim(int state) {
        claims = state;
        noteClaim(region.claim(state));
    }

    /** Notes whether the region was claimed; it gets its state back unless the transition has a reason for another. */
    void noteClaim(boolean done) {
        claimed = done;
        nextState = done ? claims : RegionWord.SAME;
    }

    /** Gives the region its next state, before its lock is given back. */
    void changeState() {
        if (nextState != RegionWord.SAME) {
            region.setState(nextState);
            nextState = RegionWord.SAME;
        }
    }

    /** The pair if the regions of its pages have to be locked when it is donated; null if there is none or they need no lock. */
    PagePair donors() {
        return pair == null || pair.fromChunk() ? null : pair;
    }

    boolean answered(TdxStatus error) {
        return answer == Answer.ERROR && error.matches(status);
    }

    /** Throws what the call has thrown. */
    RuntimeException rethrow() {
        if (failure instanceof Error error) {
            throw error;
        }
        throw failure instanceof RuntimeException exception ? exception : new UndeclaredThrowableException(failure);
    }
}
