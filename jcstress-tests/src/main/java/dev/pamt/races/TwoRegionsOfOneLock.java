package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.LockStrategy;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: two regions that share a lock come and go at once.
 *
 * <p>Their words have nothing to do with each other; neither transition may see the other's region through the lock.
 */
@JCStressTest
@Outcome(id = "backed put, backed put, clean", expect = ACCEPTABLE, desc = "one after the other")
@Outcome(expect = FORBIDDEN, desc = "one transition has hurt the other's region")
@State
public class TwoRegionsOfOneLock {
    private final SmallHost host = SmallHost.withLocks(LockStrategy.hashed(1));
    private final long one = SmallHost.region(0);
    private final long two = SmallHost.region(1);

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.getAndLook(one) + " " + host.put(one);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(two) + " " + host.put(two);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String wrong = host.compare(one, SmallHost.EMPTY);
        result.r3 = wrong == null ? host.verdict(two, SmallHost.EMPTY) : wrong;
    }
}
