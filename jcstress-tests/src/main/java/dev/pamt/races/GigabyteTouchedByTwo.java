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
 * Beyond the catalogue: two threads are the first to touch a gigabyte, each in a region of its own.
 *
 * <p>Each makes the words of the gigabyte; those of one of them count, for both.
 */
@JCStressTest
@Outcome(id = "backed, backed, clean", expect = ACCEPTABLE, desc = "both are counted")
@Outcome(expect = FORBIDDEN, desc = "a user was counted in words that are not used")
@State
public class GigabyteTouchedByTwo {
    private final SmallHost host = SmallHost.asConfigured();
    private final long one = SmallHost.region(0);
    private final long two = SmallHost.region(1);

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.getAndLook(one);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(two);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String wrong = host.compare(one, SmallHost.users(1));
        if (wrong == null) {
            host.manager.put(one);
        }
        result.r3 = wrong == null ? host.verdict(two, SmallHost.users(1)) : wrong;
    }
}
