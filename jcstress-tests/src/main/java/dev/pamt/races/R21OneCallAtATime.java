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
 * R21: two calls for one region in the module at once.
 *
 * <ol>
 *   <li>A and B come and go; each adds and removes.
 *   <li>Both walk to the 2M entry as sharers before either is promoted.
 *   <li>Both are answered TDX_OPERAND_BUSY, and neither has won. A retry without back-off may repeat that for ever.
 * </ol>
 *
 * <p>Designs without a lock, or with nothing but retries. Here the module is never asked by two for one region.
 */
@JCStressTest
@Outcome(id = "backed, backed, sound", expect = ACCEPTABLE, desc = "the module was never busy")
@Outcome(expect = FORBIDDEN, desc = "two calls were in the module at once")
@State
public class R21OneCallAtATime {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook();
        region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook();
        region.put();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(0);
    }
}
