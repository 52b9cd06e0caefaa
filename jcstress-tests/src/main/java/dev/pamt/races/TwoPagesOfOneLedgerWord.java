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
 * Beyond the catalogue: two threads take the first pages of a gigabyte, which are neighbours in the ledger.
 *
 * <p>Each page is in the ledger: it can be freed, once.
 */
@JCStressTest
@Outcome(id = "backed, backed, clean", expect = ACCEPTABLE, desc = "both pages are in the ledger")
@Outcome(expect = FORBIDDEN, desc = "a page was forgotten, or given twice")
@State
public class TwoPagesOfOneLedgerWord {
    private final SmallHost host = SmallHost.asConfigured();
    private long one;
    private long two;

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.allocPage(() -> one = host.manager.allocPage());
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.allocPage(() -> two = host.manager.allocPage());
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        long out = host.manager.stats().allocatedPages();
        String freed =
                host.freePage(one) + " " + host.freePage(two) + " " + host.freePage(one) + " " + host.freePage(two);
        String verdict = host.verdict(one, SmallHost.EMPTY);
        if (out != 2) {
            verdict = out + " pages out";
        }
        result.r3 = freed.equals("freed freed freed before freed before") ? verdict : freed;
    }
}
