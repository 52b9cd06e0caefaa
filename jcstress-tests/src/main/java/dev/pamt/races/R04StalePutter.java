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
 * R4: a putter that is late finds a zero that is not its own.
 *
 * <ol>
 *   <li>A takes the count to 0 and is preempted before the lock.
 *   <li>B gets and puts: the count is 0 again, and B removes the pair.
 *   <li>A takes the lock, sees 0 and removes what is gone: TDX_NO_PAMT_PAGE_PAIR.
 *   <li>A takes that for a failed REMOVE and puts its reference back: the count is 1 and there is no pair.
 * </ol>
 *
 * <p>v2 to v5. Here the word is EMPTY when A comes, not idle, and A does nothing.
 */
@JCStressTest
@Outcome(id = "put, backed, sound", expect = ACCEPTABLE, desc = "everybody has left and there is no pair")
@Outcome(expect = FORBIDDEN, desc = "a REMOVE was refused, or the count lies")
@State
public class R04StalePutter {
    private final Region region = Region.withOneUser();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
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
