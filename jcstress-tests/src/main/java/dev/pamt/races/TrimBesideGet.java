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
 * Beyond the catalogue: a trim beside a get of the region that is idle.
 */
@JCStressTest
@Outcome(
        id = "trimmed, backed, clean",
        expect = ACCEPTABLE,
        desc = "the getter is backed by the old pair or by a new one")
@Outcome(expect = FORBIDDEN, desc = "the getter is not backed, or a pair stays that no one counts")
@State
public class TrimBesideGet {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long hpa = SmallHost.region(0);

    public TrimBesideGet() {
        host.manager.get(hpa);
        host.manager.put(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.trim();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(hpa, SmallHost.users(1));
    }
}
