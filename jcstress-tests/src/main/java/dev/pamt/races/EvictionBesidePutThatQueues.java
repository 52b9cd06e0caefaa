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
 * Beyond the catalogue: two regions become idle at once where one may be, and one is idle already.
 *
 * <p>Both putters queue their region and both evict one: the one that has waited longest, or the other's.
 */
@JCStressTest
@Outcome(id = "put, put, clean", expect = ACCEPTABLE, desc = "one region is idle at most")
@Outcome(expect = FORBIDDEN, desc = "more regions are idle than may be, or one is idle that a trim does not find")
@State
public class EvictionBesidePutThatQueues {
    private final SmallHost host = SmallHost.keepingOneIdle();
    private final long one = SmallHost.region(0);
    private final long two = SmallHost.region(1);
    private final long idle = SmallHost.region(2);

    public EvictionBesidePutThatQueues() {
        host.manager.get(idle);
        host.manager.put(idle);
        host.manager.get(one);
        host.manager.get(two);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.put(one);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.put(two);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String wrong = host.compare(one, SmallHost.EMPTY);
        wrong = wrong == null ? host.compare(two, SmallHost.EMPTY) : wrong;
        result.r3 = wrong == null ? host.verdict(idle, SmallHost.EMPTY) : wrong;
    }
}
