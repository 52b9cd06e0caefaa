package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/** Beyond the catalogue: of two puts of the one user that a region has, one is refused. */
@JCStressTest
@Outcome(
        id = {"put, NoUsersException, clean", "NoUsersException, put, clean"},
        expect = ACCEPTABLE,
        desc = "one put takes the user and the pair goes, the other finds nothing")
@Outcome(expect = FORBIDDEN, desc = "the count does not say what is so")
@State
public class TwoPutsOfOneUser {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);

    public TwoPutsOfOneUser() {
        host.manager.get(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.put(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(hpa, SmallHost.EMPTY);
    }
}
