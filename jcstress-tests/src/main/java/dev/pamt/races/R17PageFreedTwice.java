package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.DoubleFreeException;
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
 * before it has dropped a reference that is not its own.
 */
@JCStressTest
@Outcome(
        id = {"freed, refused, sound", "refused, freed, sound"},
        expect = ACCEPTABLE,
        desc = "one free is accepted, the other refused")
@Outcome(expect = FORBIDDEN, desc = "both were accepted, or none")
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
        result.r1 = free();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = free();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = region.verdict(0);
    }

    private String free() {
        try {
            region.manager.freePage(hpa);
            return "freed";
        } catch (DoubleFreeException refused) {
            return "refused";
        }
    }
}
