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
 * Beyond the catalogue: a region is mapped by one 2M page while another thread gets a 4K page of it.
 *
 * <p>One of them is refused, and the one who is not is right.
 */
@JCStressTest
@Outcome(id = "mapped 2M, mapped 2M, unbacked", expect = ACCEPTABLE, desc = "mapped; the getter is refused")
@Outcome(id = "in use, backed, sound", expect = ACCEPTABLE, desc = "in use; the mapping is refused")
@Outcome(expect = FORBIDDEN, desc = "both were told yes, or none")
@State
public class MapBesideGet {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.map2M();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        if ("mapped 2M".equals(result.r1)) {
            result.r3 = region.look();
            region.manager.unmap2M(region.hpa);
        } else {
            result.r3 = region.verdict(1);
        }
    }
}
