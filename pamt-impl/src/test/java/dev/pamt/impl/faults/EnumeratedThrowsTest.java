package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.impl.faults.Fault.Way;
import dev.pamt.impl.faults.FaultyHost.Setup;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The scenario of {@link EnumeratedFaultsTest}, run once for every callback, everything that it can throw, before and after its
 * work, and every k: the k-th call of the callback throws. The rules are the same: no lock stays held, no page is forgotten,
 * a put throws nothing, and what is thrown elsewhere has changed nothing, but for a region that no one knows.
 *
 * <p>{@code -Dpamt.throws.calls=200} makes the scenarios longer, {@code -Dpamt.throws.scenarios=10} makes more of them,
 * {@code -Dpamt.throws.seed=7} makes them others.
 */
class EnumeratedThrowsTest {
    private static final int CALLS = Integer.getInteger("pamt.throws.calls", 60);
    private static final int SCENARIOS = Integer.getInteger("pamt.throws.scenarios", 2);
    private static final long SEED = Long.getLong("pamt.throws.seed", 20_261_121L);

    @Test
    void nothingIsLostWhateverIsThrown() {
        try (FaultRuns runs = new FaultRuns()) {
            for (int scenario = 0; scenario < SCENARIOS; scenario++) {
                for (Setup setup : Setup.allWithOneGlobalLock()) {
                    runs.enumerate(setup, SEED + scenario, CALLS, Fault.exceptions());
                }
            }
            StringBuilder sites = new StringBuilder();
            for (Site site : Site.values()) {
                sites.append(runs.runs(site) == 0 ? "" : ", " + site + " " + runs.runs(site));
            }
            System.out.println("enumerated throws: " + runs.runs() + " runs, scenarios of " + CALLS
                    + " calls, seeds from " + SEED + sites);
            runs.assertNoFailures();
            for (Fault fault : Fault.exceptions()) {
                assertTrue(runs.runs(fault.site()) >= 16 || CALLS < 60 || SCENARIOS < 2, fault + " is never tried");
            }
            assertTrue(runs.runs() >= 20_000 || CALLS < 60 || SCENARIOS < 2, runs.runs() + " runs");
        }
    }

    @Test
    void getsThatFailLeaveNothingInTheRegion() {
        int times = 70_000;
        for (Site site : List.of(Site.LOCK_OF, Site.TRY_LOCK, Site.LOCK, Site.CHUNK_ALLOCATION, Site.PAGE_ALLOCATION)) {
            try (FaultRuns runs = new FaultRuns()) {
                Fault fault = new Fault(site, Way.THROWS_BEFORE, 0, times, Thrown.OUT_OF_MEMORY);
                FaultyHost host = runs.host(new Setup(LockStrategy.global(), ReclaimPolicy.eager(), 0), fault);
                PamtManager manager = host.manager();
                for (int time = 0; time < times; time++) {
                    assertThrows(OutOfMemoryError.class, () -> manager.get(host.hpa(0), 512));
                }
                assertEquals(new RegionState(Kind.EMPTY, 0), manager.state(host.hpa(0)), () -> "after " + fault);
                host.disarm();
                manager.get(host.hpa(0));
                assertEquals(new RegionState(Kind.BACKED, 1), manager.state(host.hpa(0)), () -> "after " + fault);
                manager.put(host.hpa(0));
                host.unmap();
                manager.close();
            }
        }
    }
}
