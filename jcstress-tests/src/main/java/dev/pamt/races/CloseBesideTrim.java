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
 * Beyond the catalogue: a close beside a trim, both of which want the pair of an idle region.
 */
@JCStressTest
@Outcome(id = "closed, trimmed, clean", expect = ACCEPTABLE, desc = "one of them has taken the pair back")
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "the trim is refused")
@Outcome(expect = FORBIDDEN, desc = "the close was refused for a region without users, or the pair was lost")
@State
public class CloseBesideTrim {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long hpa = SmallHost.region(0);

    public CloseBesideTrim() {
        host.manager.get(hpa);
        host.manager.put(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.trim();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, hpa, SmallHost.EMPTY);
    }
}
