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
 * Beyond the catalogue: a put without a get beside a get of three pages of the region, which is idle and keeps its pair. The three
 * count as a whole.
 */
@JCStressTest
@Outcome(
        id = "NoUsersException, got, clean",
        expect = ACCEPTABLE,
        desc = "the stray put is refused, and all three pages are counted")
@Outcome(
        id = "put, got, clean",
        expect = ACCEPTABLE,
        desc = "the stray put came after the get and took one of its users")
@Outcome(expect = FORBIDDEN, desc = "the count does not say what is so")
@State
public class StrayPutBesideRangeOfIdleRegion {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long hpa = SmallHost.region(0);

    public StrayPutBesideRangeOfIdleRegion() {
        host.manager.get(hpa);
        host.manager.put(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        host.manager.get(hpa, 3);
        result.r2 = "got";
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(hpa, SmallHost.users("put".equals(result.r1) ? 2 : 3));
    }
}
