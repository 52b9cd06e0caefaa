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
 * R10: two regions are added at once, each with donated pages of the other.
 *
 * <ol>
 *   <li>A: ADD of region A takes the 2M entry of region B shared, because its pair lies there.
 *   <li>B: ADD of region B takes the entry of region B exclusively.
 *   <li>Their locks are different, so both are in the module: one of them is answered TDX_OPERAND_BUSY.
 * </ol>
 *
 * <p>Every lock finer than a global one; why the kernel still has one lock. Here, on a host without 2M chunks, the donors'
 * regions are locked, too.
 */
@JCStressTest
@Outcome(
        id = "backed, backed, sound",
        expect = ACCEPTABLE,
        desc = "both regions are added and the module was never busy")
@Outcome(expect = FORBIDDEN, desc = "the module was busy, or a get failed")
@State
public class R10CrosswiseDonation {
    private final Region region = RaceHost.withDonors().nextRegion();
    private final Region other = RaceHost.withDonors().nextRegion();

    @Actor
    public void first(LLL_Result result) {
        RaceHost.donateFrom(other);
        result.r1 = region.getAndLook();
    }

    @Actor
    public void second(LLL_Result result) {
        RaceHost.donateFrom(region);
        result.r2 = other.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String verdict = other.verdict(1);
        result.r3 = verdict.equals(Region.SOUND) ? region.verdict(1) : verdict;
    }
}
