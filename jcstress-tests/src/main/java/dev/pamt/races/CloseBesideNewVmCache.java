package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.VmPageCache;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a close beside a new cache for a VM, which is filled at once.
 *
 * <p>The cache is known to the close or it is refused, and what was put into it meanwhile is back in either case.
 */
@JCStressTest
@Outcome(
        id = "closed, filled, clean",
        expect = ACCEPTABLE,
        desc = "the cache was filled first; the close has emptied it")
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "the cache is refused, or may not be filled")
@Outcome(expect = FORBIDDEN, desc = "a cache that the close does not know has kept its pairs")
@State
public class CloseBesideNewVmCache {
    private final SmallHost host = SmallHost.asConfigured();
    private VmPageCache cache;

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = SmallHost.answer(() -> {
            cache = host.manager.newVmCache();
            cache.topUp(2);
            return "filled";
        });
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        if (cache != null) {
            cache.close();
        }
        result.r3 = host.verdict(closing, SmallHost.region(0), SmallHost.EMPTY);
    }
}
