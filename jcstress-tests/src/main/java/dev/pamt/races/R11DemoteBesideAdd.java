package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import dev.pamt.seamcall.TdxStatus;
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
 * <p>The huge page series beside v6. Here the DEMOTE is made through the manager, under the locks of its own region and of
 * those that its pair comes from, and the ADD under the lock of the region that the pair lies in.
 */
@JCStressTest
@Outcome(id = "split, backed, sound", expect = ACCEPTABLE, desc = "the DEMOTE and the ADD have come through")
@Outcome(expect = FORBIDDEN, desc = "the module was busy")
@State
public class R11DemoteBesideAdd {
    private final DemotableTd td = RaceHost.demotableTd();
    private final int slot = td.claimSlot();
    private final Region added = td.region(slot, 0);
    private final Region huge = td.region(slot, 1);
    private final Region donor = td.region(slot, 2);
    private final PamtPageCache cache = huge.manager.newVcpuCache();

    public R11DemoteBesideAdd() {
        RaceHost.donateFrom(added);
        cache.topUp(1);
        huge.manager.map2M(huge.hpa);
        td.mapBlocked(slot, huge);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = "split";
        huge.manager.demote2M(huge.hpa, cache, regs -> {
            long status = td.demote(slot, regs.r12, regs.r13);
            if (status != 0) {
                result.r1 = TdxStatus.toString(status);
            }
            return status;
        });
    }

    @Actor
    public void second(LLL_Result result) {
        RaceHost.donateFrom(donor);
        result.r2 = added.getAndLook();
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        huge.manager.promote2M(huge.hpa, regs -> td.promote(slot, regs));
        td.remove(slot);
        huge.manager.unmap2M(huge.hpa);
        cache.close();
        result.r3 = added.verdict(1);
        td.releaseSlot(slot);
    }
}
