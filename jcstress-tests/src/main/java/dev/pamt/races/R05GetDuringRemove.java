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
 * R5: a getter counts itself, without a lock, while the last user is inside REMOVE.
 *
 * <ol>
 *   <li>A, the last user, has checked under the lock that it is the last, and calls REMOVE.
 *   <li>B increments the count that still says one user, and returns.
 *   <li>The pair goes; A stores "empty" over B's reference.
 * </ol>
 *
 * <p>The bias -1 counter-proposal to v1. Here the word says EMPTY before REMOVE is called, so B cannot count itself. A
 * range is dropped and a range is taken, so that more than one user is at stake.
 */
@JCStressTest
@Outcome(
        id = "put, backed, sound",
        expect = ACCEPTABLE,
        desc = "the getter came before the decision or waited for the REMOVE")
@Outcome(expect = FORBIDDEN, desc = "the getter was told yes while the pair was taken away")
@State
public class R05GetDuringRemove {
    private final Region region = Region.withOneUser();

    public R05GetDuringRemove() {
        region.manager.get(region.hpa, 2);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put(3);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook(2);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(2);
    }
}
