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
 * R1: a user counted before its pair is there.
 *
 * <ol>
 *   <li>A takes the count from 0 to 1 without a lock, and is about to ADD.
 *   <li>B sees 1, takes it to 2 and returns.
 *   <li>B gives its page to the module: TDX_MISSING_PAMT_PAGE_PAIR.
 * </ol>
 *
 * <p>Any scheme in which both directions are symmetric; no version that was posted. Here users are stored after the ADD.
 * Both find the pair installed, whichever was first.
 */
@JCStressTest
@Outcome(id = "backed, backed, sound", expect = ACCEPTABLE, desc = "both find the pair, and two users are counted")
@Outcome(expect = FORBIDDEN, desc = "a getter has returned before the pair was installed")
@State
public class R01PairBeforeFirstUser {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(2);
    }
}
