package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * R11: a DEMOTE of one TD donates pages of a region that another TD adds.
 *
 * <ol>
 *   <li>A: DEMOTE of region B takes the 2M entry of region A shared, because the pair lies there.
 *   <li>B: ADD of region A takes that entry exclusively.
 *   <li>The TDs' own locks are different: one of them is answered TDX_OPERAND_BUSY.
 * </ol>
 *
 * <p>The huge page series beside v6. Here a DEMOTE is made through the manager, under the locks of its own region and of
 * those that its pair comes from. The part of DEMOTE that can collide is the walk to the donated pages, and that walk is
 * what the call makes here.
 */
@JCStressTest
@Outcome(id = "walked, backed, sound", expect = ACCEPTABLE, desc = "the DEMOTE and the ADD have come through")
@Outcome(expect = FORBIDDEN, desc = "the module was busy")
@State
public class R11DemoteBesideAdd {
    private final Region added = RaceHost.withDonors().nextRegion();
    private final Region huge = RaceHost.withDonors().nextRegion();
    private final PamtPageCache cache = huge.manager.newVcpuCache();

    public R11DemoteBesideAdd() {
        RaceHost.donateFrom(added);
        cache.topUp(1);
        huge.manager.map2M(huge.hpa);
    }

    @Actor
    public void first(LLL_Result result) {
        huge.manager.demote2M(huge.hpa, cache, (page0, page1) -> {
            result.r1 = added.look().equals("busy") ? "busy" : "walked";
            return 0;
        });
    }

    @Actor
    public void second(LLL_Result result) {
        RaceHost.donateFrom(huge);
        result.r2 = added.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        huge.manager.promote2M(huge.hpa, regs -> {
            regs.r12 = added.page(0);
            regs.r13 = added.page(1);
            return 0;
        });
        huge.manager.unmap2M(huge.hpa);
        cache.close();
        result.r3 = added.verdict(1);
    }
}
