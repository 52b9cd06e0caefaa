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
 * Beyond the catalogue: a close that is refused for one region beside the mapping of another as one 2M page.
 *
 * <p>The manager stays open all the time; no caller is told anything else.
 */
@JCStressTest
@Outcome(id = "in use, mapped 2M, clean", expect = ACCEPTABLE, desc = "the mapping has not seen the close")
@Outcome(expect = FORBIDDEN, desc = "the mapping was refused by a manager that stays open")
@State
public class RefusedCloseBesideMap2M {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);
    private final long used = SmallHost.region(1);

    public RefusedCloseBesideMap2M() {
        host.manager.get(used);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(hpa, used);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.map2M(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        if (!closing.startsWith(SmallHost.CLOSED)) {
            host.manager.put(used);
        }
        result.r3 = host.verdict(closing, hpa, SmallHost.HUGE);
    }
}
