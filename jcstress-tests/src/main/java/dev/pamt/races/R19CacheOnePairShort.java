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
 * R19: a cache turns out to be empty inside the lock.
 *
 * <ol>
 *   <li>A's cache has no pair; B's has one. The region is empty.
 *   <li>If B is first, A finds the region backed and needs no pair.
 *   <li>If A is first it needs one, and must neither be told yes nor leave anything behind.
 * </ol>
 *
 * <p>All versions with caches: the count of the worst case comes before the lock. Here a shortage is an exception for the one
 * who is short, and nothing to the other.
 */
@JCStressTest
@Outcome(id = "backed, backed, sound: 2", expect = ACCEPTABLE, desc = "B was first, A needed no pair")
@Outcome(
        id = "exhausted, backed, sound: 1",
        expect = ACCEPTABLE,
        desc = "A was first and is told that its cache is empty")
@Outcome(expect = FORBIDDEN, desc = "the shortage has left something behind")
@State
public class R19CacheOnePairShort {
    private final Region region = Region.empty();
    private final PamtPageCache noPair = region.manager.newVcpuCache();
    private final PamtPageCache onePair = region.manager.newVcpuCache();

    public R19CacheOnePairShort() {
        onePair.topUp(1);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook(noPair);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook(onePair);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        noPair.close();
        onePair.close();
        int users = "exhausted".equals(result.r1) ? 1 : 2;
        result.r3 = region.verdict(users) + ": " + users;
    }
}
