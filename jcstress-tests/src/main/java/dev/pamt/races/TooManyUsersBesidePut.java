package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.TooManyUsersException;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a get that is one user too many beside a put.
 *
 * <p>The region has 512 users. The get adds itself before it looks, and takes itself away again if it is refused; the put must
 * not be hurt by what shows in between.
 */
@JCStressTest
@Outcome(
        id = {"put, refused, sound: 511", "put, backed, sound: 512"},
        expect = ACCEPTABLE,
        desc = "refused or not, the count is right")
@Outcome(expect = FORBIDDEN, desc = "the count is wrong")
@State
public class TooManyUsersBesidePut {
    private final Region region = Region.empty();

    public TooManyUsersBesidePut() {
        region.manager.get(region.hpa, 512);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        try {
            result.r2 = region.getAndLook();
        } catch (TooManyUsersException refused) {
            result.r2 = "refused";
        }
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        int users = "refused".equals(result.r2) ? 511 : 512;
        result.r3 = region.verdict(users) + ": " + users;
    }
}
