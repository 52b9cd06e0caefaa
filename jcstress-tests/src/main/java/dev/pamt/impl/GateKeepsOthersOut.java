package dev.pamt.impl;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * The gate's own argument: who begins counts first and looks at the gate second, who wants to be alone closes the gate first
 * and looks at the counts second; so one of them sees the other.
 *
 * <p>Both add to a field that nothing else protects. An addition is lost if they are inside together, or if the one that
 * comes later does not see what the other has written.
 */
@JCStressTest
@Outcome(id = "2, 2", expect = ACCEPTABLE, desc = "one after the other, and both counted")
@Outcome(expect = FORBIDDEN, desc = "both were inside at once, or a call was counted wrongly")
@State
public class GateKeepsOthersOut {
    private final AtomicLong ended = new AtomicLong();
    private final CallGate gate = new CallGate(2, ended::get);
    private int unprotected;

    @Actor
    public void besideOthers() {
        gate.enter(1);
        unprotected++;
        ended.incrementAndGet();
    }

    @Actor
    public void alone() {
        gate.alone(2, () -> {
            unprotected++;
            return ended.incrementAndGet();
        });
    }

    @Arbiter
    public void inTheEnd(II_Result result) {
        result.r1 = unprotected;
        result.r2 = (int) gate.calls();
    }
}
