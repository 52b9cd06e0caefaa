package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a close beside a split, with a pair that was reserved for it.
 *
 * <p>The region is in use before the split and after it, so the close is always refused, and a close that is refused is nothing
 * that a splitter could see.
 */
@JCStressTest
@Outcome(id = "in use, split, clean", expect = ACCEPTABLE, desc = "split; the close is refused")
@Outcome(expect = FORBIDDEN, desc = "closed with a mapping, or the splitter was hurt by a close that was refused")
@State
public class CloseBesideDemote {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);
    private final PamtPageCache reservation = host.manager.newVmCache().reserve(1);

    public CloseBesideDemote() {
        host.manager.map2M(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.demote(hpa, reservation);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        reservation.close();
        result.r3 = host.verdict(closing, hpa, SmallHost.users(512));
    }
}
