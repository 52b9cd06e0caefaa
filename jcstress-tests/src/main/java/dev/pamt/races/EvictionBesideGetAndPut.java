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
 * Beyond the catalogue: a region that is idle is evicted by another one while a thread gets it and puts it again.
 *
 * <p>The putter may find the region still marked as queued and rely on the eviction, which may have been decided already. Later
 * there is one idle region at most, and a trim finds it.
 */
@JCStressTest
@Outcome(id = "put, put, clean", expect = ACCEPTABLE, desc = "one region is idle at most")
@Outcome(expect = FORBIDDEN, desc = "a region without users keeps its pair for ever, or loses it with a user")
@State
public class EvictionBesideGetAndPut {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long idle = SmallHost.region(0);
    private final long other = SmallHost.region(1);

    public EvictionBesideGetAndPut() {
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
        String found = host.getAndLook(idle);
        result.r2 = found.equals("backed") ? host.put(idle) : found;
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        result.r3 = host.verdict(idle, SmallHost.EMPTY);
    }
}
