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
 * Beyond the catalogue: a put without a get beside a get of the region, which is idle and keeps its pair. The put is seen for a
 * moment; a get in that moment must not be cheated.
 */
@JCStressTest
@Outcome(
        id = "NoUsersException, backed, clean",
        expect = ACCEPTABLE,
        desc = "the stray put is refused, and the getter is counted")
@Outcome(id = "put, backed, clean", expect = ACCEPTABLE, desc = "the stray put came after the get and took its user")
@Outcome(expect = FORBIDDEN, desc = "the count does not say what is so")
@State
public class StrayPutBesideGetOfIdleRegion {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long hpa = SmallHost.region(0);

    public StrayPutBesideGetOfIdleRegion() {
        host.manager.get(hpa);
        host.manager.put(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(hpa, SmallHost.users("put".equals(result.r1) ? 0 : 1));
    }
}
