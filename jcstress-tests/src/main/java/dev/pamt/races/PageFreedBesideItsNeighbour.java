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
 * Beyond the catalogue: a page is freed while another thread takes one: its neighbour in the ledger, or the same page again.
 *
 * <p>One page is in the ledger then, and not the other.
 */
@JCStressTest
@Outcome(id = "freed, backed, clean", expect = ACCEPTABLE, desc = "one page is out")
@Outcome(expect = FORBIDDEN, desc = "a page was forgotten, or can be freed twice")
@State
public class PageFreedBesideItsNeighbour {
    private final SmallHost host = SmallHost.asConfigured();
    private final long freed = host.manager.allocPage();
    private long taken;

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.freePage(freed);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.allocPage(() -> taken = host.manager.allocPage());
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        long out = host.manager.stats().allocatedPages();
        String again = taken == freed ? "freed before" : host.freePage(freed);
        String first = host.freePage(taken);
        String verdict = host.verdict(taken, SmallHost.EMPTY);
        if (out != 1) {
            verdict = out + " pages out";
        }
        result.r3 = again.equals("freed before") && first.equals("freed") ? verdict : again + " and " + first;
    }
}
