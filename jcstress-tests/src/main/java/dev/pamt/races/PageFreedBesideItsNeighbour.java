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
 * Beyond the catalogue: a page is freed while another thread takes its neighbour in the ledger.
 *
 * <p>One page is in the ledger then, and not the other.
 */
@JCStressTest
@Outcome(id = "freed, taken, sound", expect = ACCEPTABLE, desc = "one page is out")
@Outcome(expect = FORBIDDEN, desc = "a page was forgotten, or can be freed twice")
@State
public class PageFreedBesideItsNeighbour {
    private final Region region = RaceHost.withDonors().nextRegion();
    private final long freed;
    private long taken;

    public PageFreedBesideItsNeighbour() {
        RaceHost.donateFrom(region);
        freed = region.manager.allocPage();
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.freePage(freed);
    }

    @Actor
    public void second(LLL_Result result) {
        RaceHost.donateFrom(region);
        taken = region.manager.allocPage();
        result.r2 = "taken";
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String again = region.freePage(freed) + " " + region.freePage(taken) + " " + region.freePage(taken);
        String verdict = region.verdict(0);
        int out = RaceHost.pagesOut(region);
        if (!again.equals("refused freed refused")) {
            verdict = "again " + again;
        }
        result.r3 = out == 0 ? verdict : out + " pages out";
    }
}
