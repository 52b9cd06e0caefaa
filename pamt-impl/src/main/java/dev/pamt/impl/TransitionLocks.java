package dev.pamt.impl;

import dev.pamt.api.LockStrategy.RegionLocks;
import dev.pamt.impl.host.Hashing;
import java.util.concurrent.atomic.AtomicLongArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the locks of a transition: the target's, and those of the donated pages' regions where they do not come from
 * chunks. Always in ascending order of lock number and each number once, so no two transitions can wait for each other,
 * whatever the strategy. The numbers stand in the transition: a strategy is asked once for each region.
 *
 * <p>The locks are the user's and may throw. A transition that cannot take all its locks gives back those that it has. To give
 * a lock back never throws: an exception of the strategy is logged, and the other locks are given back all the same.
 *
 * <p><b>One step at either end.</b> A transition makes its region unknown when it takes the lock, if the region is in the state that
 * it begins in, and gives it the next state when it gives the lock back. Where the lock lies in the word that is one
 * compare-and-set each; where it does not, the region is unknown after the lock is taken and until before it is given back.
 *
 * <p>Counts what it sees. Whether a lock is held by a transition of the same region is read from a note of its last holder.
 * Notes are shared by locks whose numbers collide, and written a moment after the lock is taken, so true and false may be told
 * apart wrongly once in a while. They are counts for people, nothing depends on them.
 */
final class TransitionLocks {
    private static final Logger LOG = LoggerFactory.getLogger(TransitionLocks.class);

    private static final int NOTES = 1024;

    private final RegionLocks locks;
    /** Whether the locks lie in the words of the regions. */
    private final boolean inWords;

    private final Counters counters;
    /** Null if transitions are not timed. */
    private final TransitionTimes times;

    private final RateLimitedLog complaints = new RateLimitedLog(LOG);
    /** For each note the number of a lock, and the target of the transition that has taken it last. */
    private final AtomicLongArray notes = new AtomicLongArray(2 * NOTES);

    /**
     * Wraps the locks of a strategy.
     *
     * @param times null if transitions are not timed
     */
    TransitionLocks(RegionLocks locks, Counters counters, TransitionTimes times) {
        this.locks = locks;
        this.inWords = locks instanceof LockStrategies.Per2MLocks;
        this.counters = counters;
        this.times = times;
    }

    /** Takes the lock of a transition's target, and those of its donors. Whatever this throws, no lock stays taken. */
    void lock(Transition transition) {
        int wanted = order(transition);
        try {
            acquire(transition, transition.lock0, wanted == 1);
            if (times != null) {
                times.begin(transition);
            }
            if (wanted > 1) {
                acquire(transition, transition.lock1, false);
            }
            if (wanted > 2) {
                acquire(transition, transition.lock2, false);
            }
            if (transition.claims != RegionWord.SAME && !transition.claimed) {
                transition.claim(transition.claims);
            }
        } catch (Throwable failure) {
            unlock(transition);
            throw failure;
        }
    }

    /** Writes the numbers of the locks into the transition, the lowest first and each once; returns how many there are. */
    private int order(Transition transition) {
        long target = locks.lockOf(transition.region.number());
        transition.lock0 = target;
        PagePair donors = transition.donors();
        if (donors == null) {
            return 1;
        }
        long donor0 = locks.lockOf(RegionTable.regionOf(donors.page0Hpa()));
        long donor1 = locks.lockOf(RegionTable.regionOf(donors.page1Hpa()));
        long lowest = Math.min(target, Math.min(donor0, donor1));
        long middle = Math.max(Math.min(target, donor0), Math.min(Math.max(target, donor0), donor1));
        long highest = Math.max(target, Math.max(donor0, donor1));
        transition.lock0 = lowest;
        transition.lock1 = middle == lowest ? highest : middle;
        transition.lock2 = highest;
        return lowest == highest ? 1 : middle == lowest || middle == highest ? 2 : 3;
    }

    /** Gives back what {@link #lock} has taken, and the region its next state before that. Never throws. */
    void unlock(Transition transition) {
        int left = transition.locksTaken;
        // One lock need not be the target's: the second may have thrown.
        boolean targetOnly = inWords && left == 1 && transition.lock0 == transition.region.number();
        boolean done = targetOnly && transition.region.unlock(transition.nextState);
        if (!done) {
            unlockEach(transition);
        }
        if (times != null && left > 0) {
            times.end(transition);
        }
        transition.locksTaken = 0;
        // A call of the module is counted as well, and stands for one of the locks.
        int notCounted = transition.called ? left - 1 : left;
        if (notCounted > 0) {
            counters.locksWithoutCall.getAndAdd(notCounted);
        }
    }

    private void unlockEach(Transition transition) {
        transition.changeState();
        if (transition.locksTaken > 2) {
            release(transition.lock2);
        }
        if (transition.locksTaken > 1) {
            release(transition.lock1);
        }
        if (transition.locksTaken > 0) {
            release(transition.lock0);
        }
    }

    private void release(long lock) {
        try {
            locks.unlock(lock);
        } catch (Throwable failure) {
            complaints.warn("the lock strategy could not give lock %d back: %s", lock, failure);
        }
    }

    private void acquire(Transition transition, long lock, boolean only) {
        long start = 0;
        Region target = transition.region;
        boolean contended = !((only && inWords) ? tryLockAndClaim(transition) : locks.tryLock(lock));
        if (contended) {
            start = System.nanoTime();
            boolean sameRegion = isHeldForSameRegion(lock, target.number());
            (sameRegion ? counters.contendedTrue : counters.contendedFalse).getAndIncrement();
            locks.lock(lock);
        }
        transition.locksTaken++;
        if (contended) {
            counters.waitNanos.getAndAdd(System.nanoTime() - start);
        }
        int note = noteOf(lock);
        notes.setOpaque(note, lock);
        notes.setOpaque(note + 1, target.number());
    }

    private static boolean tryLockAndClaim(Transition transition) {
        int done = transition.region.tryLockAndClaim(transition.claims);
        transition.noteClaim(done == Region.CLAIMED);
        return done != Region.HELD;
    }

    /**
     * Whether a lock that was found taken is held by a transition of the same region. If the note is of another lock, the only
     * thing known is whether the lock is the target's own: with a lock for each region, the same region is in the way then.
     */
    private boolean isHeldForSameRegion(long lock, long region) {
        int note = noteOf(lock);
        if (notes.getOpaque(note) == lock) {
            return notes.getOpaque(note + 1) == region;
        }
        return locks.lockOf(region) == lock;
    }

    private static int noteOf(long lock) {
        return 2 * ((int) Hashing.spread(lock) & (NOTES - 1));
    }
}
