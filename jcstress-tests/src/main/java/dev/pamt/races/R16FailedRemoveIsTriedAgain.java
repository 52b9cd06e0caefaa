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
 * R16: a REMOVE fails once and is never tried again.
 *
 * <ol>
 *   <li>A, the last user, puts; REMOVE fails, and the count is set to 1 so that it is not forgotten.
 *   <li>B gets and puts: the count goes to 2 and back to 1, and no thread ever removes the pair.
 * </ol>
 *
 * <p>v2 to v6. Here the first REMOVE of the region fails. It is idle then, with no user that does not exist, and the next one
 * who leaves takes the pair along.
 */
@JCStressTest
@Outcome(id = "put, put, sound", expect = ACCEPTABLE, desc = "no one uses the region and there is no pair")
@Outcome(expect = FORBIDDEN, desc = "the pair is pinned, or a user that does not exist is counted")
@State
public class R16FailedRemoveIsTriedAgain {
    private final Region region = Region.withOneUser();

    public R16FailedRemoveIsTriedAgain() {
        region.refuseNextRemove();
    }

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
        region.manager.get(region.hpa);
        region.put();
        result.r3 = region.verdict(0);
    }
}
