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
 * R2: two getters see an empty region and both ADD.
 *
 * <ol>
 *   <li>A and B find the region empty; each has a pair in hand.
 *   <li>A takes the lock, adds, leaves.
 *   <li>B takes the lock and adds as well: TDX_HPA_RANGE_NOT_FREE, and the get fails.
 * </ol>
 *
 * <p>Every version that forgets to look again under the lock. Here exactly one pair is installed and the other goes back.
 */
@JCStressTest
@Outcome(id = "backed, backed, 1 ADD", expect = ACCEPTABLE, desc = "one has added, the other has found it done")
@Outcome(expect = FORBIDDEN, desc = "a second ADD, or a get that failed")
@State
public class R02OneAddForTwoGetters {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook(2);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.getAndLook(3);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        int adds = region.adds();
        String verdict = region.verdict(5);
        result.r3 = verdict.equals(Region.SOUND) ? adds + " ADD" : verdict;
    }
}
