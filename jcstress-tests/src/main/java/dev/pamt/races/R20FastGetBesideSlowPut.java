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
 * R20: a lock-free get beside a put that leaves the count at 1 during REMOVE.
 *
 * <ol>
 *   <li>A takes the lock, sees 1 and calls REMOVE; the count is still 1.
 *   <li>B increments it to 2 without the lock and returns.
 *   <li>A stores 0.
 * </ol>
 *
 * <p>The get of v6's second patch with the put of its first, which is what was merged; the trap for the one who makes the merged
 * code faster. Here B comes and goes twice, so that a reference that A's store has wiped shows as a refused put.
 */
@JCStressTest
@Outcome(id = "put, put put, sound", expect = ACCEPTABLE, desc = "every reference was counted")
@Outcome(expect = FORBIDDEN, desc = "a reference was wiped out")
@State
public class R20FastGetBesideSlowPut {
    private final Region region = Region.withOneUser();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        region.manager.get(region.hpa);
        String once = region.put();
        region.manager.get(region.hpa);
        result.r2 = once + " " + region.put();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(0);
    }
}
