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
 * R17, as far as it is the library's: a page must not be freed twice, by whomever.
 *
 * <p>The race of the catalogue is the caller's: it frees a page although the module has not given it up. What the library can
 * see is the second of two frees. One of them is accepted, drops one reference and gives the page back; the other is refused
 * before it has dropped a reference that is not its own, or given the allocator a page that is its already.
 */
@JCStressTest
@Outcome(
        id = {"freed, refused, sound", "refused, freed, sound"},
        expect = ACCEPTABLE,
        desc = "one free is accepted, the other refused; the page is back once")
@Outcome(expect = FORBIDDEN, desc = "both were accepted, or none, or the page is not back just once")
@State
public class R17PageFreedTwice {
    private final Region region = RaceHost.withDonors().nextRegion();
    private final long hpa;

    /** The page lies in the state's own region, so that no other state is given it when it is free again. */
    public R17PageFreedTwice() {
        RaceHost.donateFrom(region);
        hpa = region.manager.allocPage();
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.freePage(hpa);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.freePage(hpa);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String verdict = region.verdict(0);
        int out = RaceHost.pagesOut(region);
        result.r3 = out == 0 ? verdict : out + " pages out";
    }
}
