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
 * R7: the loser of the race for the ADD is not counted.
 *
 * <ol>
 *   <li>A and B find the region empty. A adds.
 *   <li>B finds under the lock that it is backed, frees its pair and returns without counting itself.
 *   <li>A puts; the pair goes while B uses the region.
 * </ol>
 *
 * <p>v3, first patch (the second one hid it). Here A leaves at once, and B must still be backed.
 */
@JCStressTest
@Outcome(id = "put, backed, sound", expect = ACCEPTABLE, desc = "the one who stays is backed")
@Outcome(expect = FORBIDDEN, desc = "the one who stays has lost the pair")
@State
public class R07LoserIsCounted {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        region.manager.get(region.hpa);
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(1);
    }
}
