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
 * R15: a put without a get makes a later get lie.
 *
 * <ol>
 *   <li>A puts a region that has no users: the count goes from 0 to -1 without a lock, because -1 is "not the last".
 *   <li>B gets: the count is not zero, so it goes from -1 to 0, and B is told yes.
 *   <li>B gives its page to the module: TDX_MISSING_PAMT_PAGE_PAIR.
 * </ol>
 *
 * <p>v2 to v5, v6's dec-and-lock. Here the stray put is refused at every interleaving, unless it comes after the get: then
 * it takes B's reference, as it does in every scheme, and the region is empty, never half of each.
 */
@JCStressTest
@Outcome(
        id = "no users, got, sound: 1 user",
        expect = ACCEPTABLE,
        desc = "the stray put is refused and the getter is backed")
@Outcome(
        id = "put, got, sound: 0 users",
        expect = ACCEPTABLE,
        desc = "the stray put came after the get and took its reference")
@Outcome(expect = FORBIDDEN, desc = "the count does not say what is so")
@State
public class R15StrayPut {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        region.manager.get(region.hpa);
        result.r2 = "got";
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        int users = "put".equals(result.r1) ? 0 : 1;
        result.r3 = region.verdict(users) + ": " + users + (users == 1 ? " user" : " users");
    }
}
