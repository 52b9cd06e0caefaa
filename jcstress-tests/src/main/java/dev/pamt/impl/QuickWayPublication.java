package dev.pamt.impl;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * Weaker than volatile: {@link RegionTable} publishes the words of a gigabyte on its quick way with release, and reads them with
 * acquire.
 *
 * <p>A touches a gigabyte first; B goes the quick way. B finds nothing there, or words that say EMPTY. A zero would be a backed
 * region.
 */
@JCStressTest
@Outcome(id = "-1", expect = ACCEPTABLE, desc = "the quick way does not lead there yet")
@Outcome(id = "12", expect = ACCEPTABLE, desc = "every word says EMPTY")
@Outcome(expect = FORBIDDEN, desc = "a word that was not written yet: a region that seems to be backed")
@State
public class QuickWayPublication {
    private static final int NOT_YET = -1;
    private static final long LAST_REGION_HPA = (1L << 30) - RegionTable.REGION_BYTES;

    private final RegionTable table = new RegionTable(List.of(PhysicalRange.between(0, 1L << 30)));

    @Actor
    public void touch() {
        int[] words = table.words(0);
        assert words != null;
    }

    @Actor
    public void look(I_Result result) {
        int[] words = RegionTable.wordsOfPage(table.quick(), 0);
        result.r1 = words == null
                ? NOT_YET
                : (words[RegionTable.slot(0)] & words[RegionTable.slot(LAST_REGION_HPA)]) >>> 28;
    }
}
