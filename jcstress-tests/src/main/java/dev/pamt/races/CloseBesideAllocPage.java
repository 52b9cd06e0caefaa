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
 * Beyond the catalogue: a close beside allocPage.
 *
 * <p>The page is taken from the allocator before its region is got: if the manager is closed in between the page goes back,
 * and so does a pair that was in hand.
 */
@JCStressTest
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "closed; no page is given")
@Outcome(id = "in use, backed, clean", expect = ACCEPTABLE, desc = "the page was given first; the close is refused")
@Outcome(expect = FORBIDDEN, desc = "closed with a page out, refused without one, or something is left out")
@State
public class CloseBesideAllocPage {
    private final SmallHost host = SmallHost.asConfigured();
    private long page;

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(SmallHost.page(0));
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.allocPage(() -> page = host.manager.allocPage());
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        if ("backed".equals(result.r2)) {
            String wrong = host.compare(page, SmallHost.users(1));
            String freed = wrong == null ? host.freePage(page) : wrong;
            result.r2 = freed.equals("freed") ? "backed" : freed;
        }
        result.r3 = host.verdict(closing, SmallHost.page(0), SmallHost.EMPTY);
    }
}
