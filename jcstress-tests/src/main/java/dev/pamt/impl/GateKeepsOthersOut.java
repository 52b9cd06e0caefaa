package dev.pamt.impl;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * The gate's own argument: a thread that goes in writes its place first and checks the gate second, one that wants to be alone
 * closes the gate first and reads the places second; so one of them sees the other. The place is cleared by a release.
 *
 * <p>Both add to a field that nothing else protects. An addition is lost if they are inside together, or if the one that
 * comes later does not see what the other has written.
 */
@JCStressTest
@Outcome(id = "2", expect = ACCEPTABLE, desc = "one after the other")
@Outcome(expect = FORBIDDEN, desc = "both were inside at once, or one did not see what the other had written")
@State
public class GateKeepsOthersOut {
    private final CallGate gate = new CallGate();
    private int unprotected;

    @Actor
    public void besideOthers() {
        int place = gate.enter();
        unprotected++;
        gate.leave(place);
    }

    @Actor
    public void alone() {
        gate.alone(() -> unprotected++);
    }

    @Arbiter
    public void inTheEnd(I_Result result) {
        result.r1 = unprotected;
    }
}
