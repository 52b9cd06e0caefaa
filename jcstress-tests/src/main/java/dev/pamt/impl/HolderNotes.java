package dev.pamt.impl;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.LockStrategy;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/**
 * Weaker than volatile: {@link TransitionLocks} notes in opaque mode who has held a lock last.
 *
 * <p>Two threads take one lock for different regions. A note that is seen late may have a contended acquisition counted as
 * true instead of false; it must still be counted once, and the lock must exclude.
 */
@JCStressTest
@Outcome(
        id = {"2, 0, 2", "2, 1, 2"},
        expect = ACCEPTABLE,
        desc = "two acquisitions, at most one contended, both alone")
@Outcome(expect = FORBIDDEN, desc = "a statistic was lost, or two were inside")
@State
public class HolderNotes {
    private final Counters counters = new Counters();
    private final TransitionLocks locks =
            new TransitionLocks(LockStrategy.hashed(1).newLocks(null, null), counters, null);
    private int entered;

    @Actor
    public void one() {
        enter(1);
    }

    @Actor
    public void two() {
        enter(2);
    }

    @Arbiter
    public void counts(III_Result result) {
        result.r1 = (int) counters.locksWithoutCall.get();
        result.r2 = (int) (counters.contendedTrue.get() + counters.contendedFalse.get());
        result.r3 = entered;
    }

    private void enter(long region) {
        Transition transition = new Transition(new Region(RegionTable.hpaOf(region), null, 0), 0, null);
        locks.lock(transition);
        entered++;
        locks.unlock(transition);
    }
}
