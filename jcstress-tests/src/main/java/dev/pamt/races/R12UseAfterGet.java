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
 * R12: the pair goes between a get and the use of the page.
 *
 * <ol>
 *   <li>B gets: "there is a pair already".
 *   <li>A's page was the last one in the module; the module hints that the pair may go, and A removes it.
 *   <li>B gives its page to the module: TDX_MISSING_PAMT_PAGE_PAIR.
 * </ol>
 *
 * <p>The hint-driven design that v3's cover argues against: the module counts pages in use, and not who is about to use one.
 * Here B's reference counts from the moment the get returns, and its pair is there at the first look and at the last.
 */
@JCStressTest
@Outcome(id = "put, backed, backed", expect = ACCEPTABLE, desc = "the pair stays for as long as the reference does")
@Outcome(expect = FORBIDDEN, desc = "the pair went although a thread held a reference")
@State
public class R12UseAfterGet {
    private final Region region = Region.withOneUser();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.put();
    }

    @Actor
    public void second(LLL_Result result) {
        String found = region.getAndLook();
        result.r2 = found.equals(Region.BACKED) ? region.look() : found;
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String found = region.look();
        String verdict = region.verdict(1);
        result.r3 = verdict.equals(Region.SOUND) ? found : verdict;
    }
}
