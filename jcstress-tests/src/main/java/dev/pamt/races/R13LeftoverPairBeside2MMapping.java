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
 * R13: a pair is left over where a 2M page is to be mapped.
 *
 * <ol>
 *   <li>A, the last user, puts; its REMOVE fails, and the count is pinned or the pair forgotten.
 *   <li>B maps the region by one 2M page: TDX_PAGE_METADATA_INCORRECT, for ever.
 * </ol>
 *
 * <p>v2 to v6, once huge pages come. Here the first REMOVE fails. B is told the truth, either that the region is in use or
 * that the pair did not come back; or it takes the idle pair out of the way itself. A second try always maps.
 */
@JCStressTest
@Outcome(
        id = "put, mapped 2M, unbacked",
        expect = ACCEPTABLE,
        desc = "the idle pair was taken back, then the region was mapped")
@Outcome(
        id = {"put, in use, unbacked", "put, refused, unbacked"},
        expect = ACCEPTABLE,
        desc = "refused, for a reason that is true; mapped at the second try")
@Outcome(expect = FORBIDDEN, desc = "mapped with a pair, or not mappable")
@State
public class R13LeftoverPairBeside2MMapping {
    private final Region region = Region.withOneUser();

    public R13LeftoverPairBeside2MMapping() {
        region.refuseNextRemove();
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.map2M();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String mapped = "mapped 2M".equals(result.r2) ? "mapped 2M" : region.map2MAtLast();
        if (!mapped.equals("mapped 2M")) {
            result.r3 = mapped + " at last";
            return;
        }
        String found = region.look();
        region.manager.unmap2M(region.hpa);
        String verdict = region.verdict(0);
        result.r3 = verdict.equals(Region.SOUND) ? found : verdict;
    }
}
