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
 * Beyond the catalogue: two threads take pages that are neighbours in the ledger.
 *
 * <p>Each page is in the ledger: it can be freed, once.
 */
@JCStressTest
@Outcome(id = "taken, taken, sound", expect = ACCEPTABLE, desc = "both pages are in the ledger")
@Outcome(expect = FORBIDDEN, desc = "a page was forgotten, or can be freed twice")
@State
public class TwoPagesOfOneLedgerWord {
    private final Region region = RaceHost.withDonors().nextRegion();
    private long one;
    private long two;

    @Actor
    public void first(LLL_Result result) {
        RaceHost.donateFrom(region);
        one = region.manager.allocPage();
        result.r1 = "taken";
    }

    @Actor
    public void second(LLL_Result result) {
        RaceHost.donateFrom(region);
        two = region.manager.allocPage();
        result.r2 = "taken";
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String freed = region.freePage(one) + " " + region.freePage(two);
        String again = region.freePage(one) + " " + region.freePage(two);
        String verdict = region.verdict(0);
        int out = RaceHost.pagesOut(region);
        if (!freed.equals("freed freed") || !again.equals("refused refused")) {
            verdict = freed + " and again " + again;
        }
        result.r3 = out == 0 ? verdict : out + " pages out";
    }
}
