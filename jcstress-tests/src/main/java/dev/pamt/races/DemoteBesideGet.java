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
 * Beyond the catalogue: a region is split while a thread gets a page of it.
 *
 * <p>Before the split it is mapped as one 2M page and after it has 512 users; there is no room for one more at any time.
 */
@JCStressTest
@Outcome(id = "split, mapped 2M, clean", expect = ACCEPTABLE, desc = "the getter came before the split")
@Outcome(id = "split, too many, clean", expect = ACCEPTABLE, desc = "the getter came after it")
@Outcome(expect = FORBIDDEN, desc = "the getter was counted, or the split was hurt")
@State
public class DemoteBesideGet {
    private final SmallHost host = SmallHost.asConfigured();
    private final long hpa = SmallHost.region(0);
    private final PamtPageCache cache = host.manager.newVcpuCache();

    public DemoteBesideGet() {
        cache.topUp(1);
        host.manager.map2M(hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.demote(hpa, cache);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        cache.close();
        result.r3 = host.verdict(hpa, SmallHost.users(512));
    }
}
