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
 * R8, where the fault is the pair's: the module refuses a page of the first pair that it is given.
 *
 * <p>The getter that had it tries another one. The refused pair is set aside, out of the way of the other getter, and is back
 * when the manager is closed.
 */
@JCStressTest
@Outcome(id = "backed, backed, clean", expect = ACCEPTABLE, desc = "both are backed by a pair that has no fault")
@Outcome(expect = FORBIDDEN, desc = "a getter was hurt by a pair that it could do without, or the pair is lost")
@State
public class RefusedPairIsSetAside {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    public RefusedPairIsSetAside() {
        host.module.refuseNextPair();
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.getAndLook(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        long setAside = host.manager.stats().pairs().setAside();
        String verdict = host.verdict(hpa, SmallHost.users(2));
        result.r3 = setAside == 1 ? verdict : setAside + " pairs set aside";
    }
}
