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
 * Beyond the catalogue: a close beside the owner's close of a cache with pairs.
 *
 * <p>Both want to give the same pairs back; each pair goes back once.
 */
@JCStressTest
@Outcome(id = "closed, emptied, clean", expect = ACCEPTABLE, desc = "each pair is back once")
@Outcome(expect = FORBIDDEN, desc = "a pair given back twice, or not")
@State
public class CloseBesideCacheClose {
    private final SmallHost host = SmallHost.asConfigured();
    private final PamtPageCache cache = host.manager.newVcpuCache();

    public CloseBesideCacheClose() {
        cache.topUp(3);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = SmallHost.answer(() -> {
            cache.close();
            return "emptied";
        });
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, SmallHost.region(0), SmallHost.EMPTY);
    }
}
