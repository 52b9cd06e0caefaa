package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/** Beyond the catalogue: a put without a get beside a trim that takes the pair of the idle region back. */
@JCStressTest
@Outcome(
        id = "NoUsersException, trimmed, clean",
        expect = ACCEPTABLE,
        desc = "the stray put is refused, and keeps no pair from going")
@Outcome(expect = FORBIDDEN, desc = "the pair stays, or the put was taken for one of a user")
@State
public class StrayPutBesideTrim {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long hpa = SmallHost.region(0);

    public StrayPutBesideTrim() {
        host.manager.get(hpa);
        host.manager.put(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.trim();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        boolean gone = host.manager.state(hpa).equals(SmallHost.EMPTY);
        String verdict = host.verdict(hpa, SmallHost.EMPTY);
        result.r3 = gone ? verdict : "idle after the trim, " + verdict;
    }
}
