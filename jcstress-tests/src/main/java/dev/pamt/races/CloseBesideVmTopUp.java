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
 * Beyond the catalogue: a close beside topUp of a VM's cache that it knows.
 *
 * <p>Each pair that topUp has drawn is in the cache when the close empties it, or goes back.
 */
@JCStressTest
@Outcome(id = "closed, filled, clean", expect = ACCEPTABLE, desc = "filled first; the close has emptied the cache")
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "the cache is closed")
@Outcome(expect = FORBIDDEN, desc = "pairs in a cache that is closed, or in no place")
@State
public class CloseBesideVmTopUp {
    private final SmallHost host = SmallHost.asConfigured();
    private final VmPageCache cache = host.manager.newVmCache();

    public CloseBesideVmTopUp() {
        cache.topUp(1);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = SmallHost.answer(() -> {
            cache.topUp(3);
            return "filled";
        });
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        cache.close();
        result.r3 = host.verdict(closing, SmallHost.region(0), SmallHost.EMPTY);
    }
}
