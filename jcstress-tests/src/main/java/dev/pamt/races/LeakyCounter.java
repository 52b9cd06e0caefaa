package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * Must fail: two users are counted without an atomic. A run in which this test passes has proved nothing.
 *
 * <p>{@code jcstress-tests/quick} leaves it out of the suites and runs it alone, and fails if it does not.
 */
@JCStressTest
@Outcome(id = "2", expect = ACCEPTABLE, desc = "both users are counted")
@Outcome(expect = FORBIDDEN, desc = "a user is lost")
@State
public class LeakyCounter {
    private int users;

    @Actor
    public void first() {
        users++;
    }

    @Actor
    public void second() {
        users++;
    }

    @Arbiter
    public void arbiter(I_Result result) {
        result.r1 = users;
    }
}
