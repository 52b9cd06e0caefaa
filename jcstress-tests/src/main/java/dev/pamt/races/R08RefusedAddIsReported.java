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
 * R8: an ADD fails and the getter is told that it has not.
 *
 * <ol>
 *   <li>A takes the lock and adds; the module refuses.
 *   <li>A returns 0, the error is only printed.
 *   <li>A gives its page to the module: TDX_MISSING_PAMT_PAGE_PAIR.
 * </ol>
 *
 * <p>v4. Here the module refuses the first ADD of the region: exactly one of the two getters is told, the other adds, or
 * is never counted as backed by what failed.
 */
@JCStressTest
@Outcome(
        id = {"refused, backed, sound", "backed, refused, sound"},
        expect = ACCEPTABLE,
        desc = "one is refused, the other backed, one user counted")
@Outcome(expect = FORBIDDEN, desc = "an error was swallowed, or has hurt the other getter")
@State
public class R08RefusedAddIsReported {
    private final Region region = Region.empty();

    public R08RefusedAddIsReported() {
        region.refuseNextAdd();
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook();
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
