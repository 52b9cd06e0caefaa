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
 * Beyond the catalogue: a region that is idle is evicted by another one while a thread gets it.
 *
 * <p>The getter revives it, or comes too late and adds. Later there is one idle region at most.
 */
@JCStressTest
@Outcome(id = "put, backed, clean", expect = ACCEPTABLE, desc = "the getter is backed by the old pair or by a new one")
@Outcome(expect = FORBIDDEN, desc = "the getter is not backed, or a pair stays that no one counts")
@State
public class EvictionBesideGet {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long idle = SmallHost.region(0);
    private final long other = SmallHost.region(1);

    public EvictionBesideGet() {
        host.manager.get(idle);
        host.manager.put(idle);
        host.manager.get(other);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(other);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(idle);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(idle, SmallHost.users(1));
    }
}
