package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a region is merged while a thread gets a page of it.
 *
 * <p>The getter is refused at any time. It adds itself before it looks, so for a moment there are 513 users, and a merge that
 * looks in that moment is refused as well, and can be made again.
 */
@JCStressTest
@Outcome(id = "merged, too many, clean", expect = ACCEPTABLE, desc = "the getter came before the merge")
@Outcome(id = "merged, mapped 2M, clean", expect = ACCEPTABLE, desc = "the getter came after it")
@Outcome(
        id = "in use, too many, clean",
        expect = ACCEPTABLE_INTERESTING,
        desc = "the merge has seen the getter that was being refused")
@Outcome(expect = FORBIDDEN, desc = "the getter was counted, or the region is half merged")
@State
public class PromoteBesideGet {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    public PromoteBesideGet() {
        host.manager.get(hpa, 512);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.promote(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        boolean merged = "merged".equals(result.r1);
        result.r3 = host.verdict(hpa, merged ? SmallHost.HUGE : SmallHost.users(512));
    }
}
