package dev.pamt.impl.host;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE_INTERESTING;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LL_Result;

/**
 * Weaker than volatile: {@link HostPageAllocator} publishes the record of a region with release and finds it with acquire.
 *
 * <p>A takes the first page of a region, which makes the record; B learns the page's address by a race and gives the page
 * back. A thread that has seen the address without the record is refused, no thread sees half a record, and in the end
 * the page is back exactly if B was not refused.
 */
@JCStressTest
@Outcome(
        id = {"nothing yet, 511", "freed, 512"},
        expect = ACCEPTABLE,
        desc = "the address was not seen, or the page is back")
@Outcome(
        id = "refused, 511",
        expect = ACCEPTABLE_INTERESTING,
        desc = "the address came by a race and ahead of the record")
@Outcome(expect = FORBIDDEN, desc = "half a record was seen, or a page is lost")
@State
public class AllocatorRegionPublication {
    private final HostPageAllocator allocator = new HostPageAllocator(List.of(PhysicalRange.between(1 << 21, 2 << 21)));
    private long pageHpa;

    @Actor
    public void take() {
        pageHpa = allocator.allocPage();
    }

    @Actor
    public void giveBack(LL_Result result) {
        long hpa = pageHpa;
        if (hpa == 0) {
            result.r1 = "nothing yet";
            return;
        }
        try {
            allocator.freePage(hpa);
            result.r1 = "freed";
        } catch (IllegalArgumentException refused) {
            result.r1 = "refused";
        }
    }

    @Arbiter
    public void count(LL_Result result) {
        result.r2 = allocator.freePages();
    }
}
