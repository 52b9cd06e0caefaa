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
 * Beyond the catalogue: a close beside the mapping of a region as one 2M page.
 */
@JCStressTest
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "closed; the mapping is refused")
@Outcome(id = "in use, mapped 2M, clean", expect = ACCEPTABLE, desc = "mapped first; the close is refused")
@Outcome(expect = FORBIDDEN, desc = "closed with a mapping, or refused without one")
@State
public class CloseBesideMap2M {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.map2M(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, hpa, SmallHost.HUGE);
    }
}
