package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * R23: another thread looks at the region with PAGE.RDMD while it is added.
 *
 * <ol>
 *   <li>B: PAGE.RDMD takes the 2M entry shared.
 *   <li>A: ADD cannot be promoted on it: TDX_OPERAND_BUSY, and the get fails.
 * </ol>
 *
 * <p>Any auditor outside the lock, with every version. The library's own {@code state} makes no call. A foreign one costs a
 * busy call its second try under the gate; only if it is in the way of both does the get fail, with the status.
 */
@JCStressTest
@Outcome(
        id = {"backed, unbacked, users 1", "backed, backed, users 1", "backed, busy, users 1"},
        expect = ACCEPTABLE,
        desc = "the get has come through")
@Outcome(
        id = {"refused, unbacked, users 0", "refused, busy, users 0"},
        expect = ACCEPTABLE_INTERESTING,
        desc = "the auditor was in the way of both tries")
@Outcome(expect = FORBIDDEN, desc = "the count lies")
@State
public class R23AuditBesideTransition {
    private final Region region = Region.empty();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = region.getAndLook();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = region.look();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        int users = region.manager.state(region.hpa).users();
        String verdict = region.verdictBesideAuditor(users);
        result.r3 = verdict.equals(Region.SOUND) ? "users " + users : verdict;
    }
}
