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
 * Beyond the catalogue: a close beside a get of an empty region.
 *
 * <p>Either the getter was first, the close is refused for that region and the manager stays open; or the manager is closed
 * and the getter told so, and a pair that it had in hand is back.
 */
@JCStressTest
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "closed; the getter is refused")
@Outcome(
        id = "in use, backed, clean",
        expect = ACCEPTABLE,
        desc = "the getter was first and is backed; the close is refused")
@Outcome(expect = FORBIDDEN, desc = "closed with a user, refused without one, or something is left out")
@State
public class CloseBesideGet {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, hpa, SmallHost.users(1));
    }
}
