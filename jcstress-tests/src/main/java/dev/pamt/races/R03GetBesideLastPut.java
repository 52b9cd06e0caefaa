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
 * R3: zero is reached outside the lock, and a getter comes before the REMOVE.
 *
 * <ol>
 *   <li>A, the last user, takes the count to 0.
 *   <li>B finds 0, takes the lock and adds: TDX_HPA_RANGE_NOT_FREE, because A has not removed yet.
 *   <li>A takes the lock and leaves the pair, or removes it under B.
 * </ol>
 *
 * <p>v1 to v5 take the refusal for success, and can then not tell it from a region that another thread has populated. Here
 * the region is idle in that moment, and B revives it without a call; or it is empty, and B waits and adds.
 */
@JCStressTest
@Outcome(id = "put, backed, sound", expect = ACCEPTABLE, desc = "the getter is backed by the old pair or by a new one")
@Outcome(expect = FORBIDDEN, desc = "the getter was refused, or is not backed")
@State
public class R03GetBesideLastPut {
    private final Region region = Region.withOneUser();

    @Actor
    public void first(LLL_Result result) {
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
