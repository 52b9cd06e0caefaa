package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import dev.pamt.api.VmPageCache;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * R14: a splitter eats what another splitter has topped up.
 *
 * <ol>
 *   <li>A and B see that the VM's cache has a pair, or top it up to one.
 *   <li>A consumes the pair.
 *   <li>B, which has checked, comes to an empty cache inside its locks.
 * </ol>
 *
 * <p>The per-VM cache of the huge page series, if splitters run at once. Here the VM's cache has one pair and each splitter
 * reserves its own before it begins; neither can find its reservation empty, nor the other's pair in it.
 */
@JCStressTest
@Outcome(id = "backed, backed, sound", expect = ACCEPTABLE, desc = "each splitter had its pair")
@Outcome(expect = FORBIDDEN, desc = "a splitter found its reservation empty, or with a pair that is another's")
@State
public class R14ReservationsAreApart {
    private final Region one = Region.empty();
    private final Region two = Region.empty();
    private final VmPageCache cache = one.manager.newVmCache();

    public R14ReservationsAreApart() {
        cache.topUp(1);
    }

    @Actor
    public void first(LLL_Result result) {
        try (PamtPageCache mine = cache.reserve(1)) {
            result.r1 = one.getAndLook(mine);
        }
    }

    @Actor
    public void second(LLL_Result result) {
        try (PamtPageCache mine = cache.reserve(1)) {
            result.r2 = two.getAndLook(mine);
        }
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        int left = cache.unreserved();
        cache.close();
        String verdict = one.verdict(1);
        verdict = verdict.equals(Region.SOUND) ? two.verdict(1) : verdict;
        result.r3 = left == 0 ? verdict : "pairs left that both splitters have used";
    }
}
