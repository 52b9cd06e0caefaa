package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * R6: the last user finds the region revived and forgets to take its own reference away.
 *
 * <ol>
 *   <li>A takes the lock to remove the pair; B gets the region meanwhile.
 *   <li>A sees B's reference, leaves the lock and returns, its own reference still counted.
 *   <li>B puts; the count never comes back to empty.
 * </ol>
 *
 * <p>The bias -1 counter-proposal to v1. Here A's reference is gone before A looks for the lock.
 */
@JCStressTest
@Outcome(id = "put, put, sound", expect = ACCEPTABLE, desc = "both have left and there is no pair")
@Outcome(expect = FORBIDDEN, desc = "no one uses the region and its pair stays")
@State
public class R06RevivedBeforeReclaim {
    private final Region region = Region.withOneUser();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        region.manager.get(region.hpa);
        result.r2 = region.put();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(0);
    }
}
