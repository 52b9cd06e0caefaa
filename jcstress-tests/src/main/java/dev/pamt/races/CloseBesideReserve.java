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
 * Beyond the catalogue: a close beside a reservation, which takes one pair from the VM's cache and one from the host.
 *
 * <p>The close empties reservations, too: the pairs of one that was given are back, once, whether its owner closes it or not.
 */
@JCStressTest
@Outcome(
        id = "closed, 2 pairs, clean",
        expect = ACCEPTABLE,
        desc = "reserved first; the close has emptied the reservation")
@Outcome(id = "closed, closed, clean", expect = ACCEPTABLE, desc = "the reservation is refused")
@Outcome(expect = FORBIDDEN, desc = "a reservation that the close does not know, or pairs in no place")
@State
public class CloseBesideReserve {
    private final SmallHost host = SmallHost.asConfigured();
    private final VmPageCache cache = host.manager.newVmCache();
    private PamtPageCache reservation;

    public CloseBesideReserve() {
        cache.topUp(1);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = SmallHost.answer(() -> {
            reservation = cache.reserve(2);
            return "2 pairs";
        });
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        String verdict = host.verdict(closing, SmallHost.region(0), SmallHost.EMPTY);
        if (reservation != null) {
            reservation.close();
        }
        cache.close();
        result.r3 =
                verdict.equals(SmallHost.CLEAN) ? host.verdict(closing, SmallHost.region(0), SmallHost.EMPTY) : verdict;
    }
}
