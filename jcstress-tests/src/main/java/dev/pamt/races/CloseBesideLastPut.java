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
 * Beyond the catalogue: a close beside the put of the last user.
 *
 * <p>The put takes its user away in any case. If it was first the close ends; if not, the close is refused for that region,
 * with a user, and can be made again.
 */
@JCStressTest
@Outcome(id = "closed, put, clean", expect = ACCEPTABLE, desc = "the put was first")
@Outcome(
        id = "in use, put, clean",
        expect = ACCEPTABLE,
        desc = "the close was first and is refused for a region with a user")
@Outcome(expect = FORBIDDEN, desc = "a put that fails, a close that is refused for nothing, or something is left out")
@State
public class CloseBesideLastPut {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    public CloseBesideLastPut() {
        host.manager.get(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.put(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, hpa, SmallHost.EMPTY);
    }
}
