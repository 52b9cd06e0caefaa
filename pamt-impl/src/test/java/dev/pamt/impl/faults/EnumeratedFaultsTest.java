package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.impl.faults.FaultyHost.Setup;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/**
 * A scenario is run once for every wrong answer and every k: it is what the k-th call that can have it is answered (SQLite
 * tests its out-of-memory handling so). Each step then makes exactly the calls of the module that the contract says, and is
 * refused exactly when it says so; after each, every page is somewhere, and the module agrees. After each run half of the
 * scenario runs through when nothing goes wrong, and everything is back but for the pairs that are counted as lost.
 *
 * <p>{@code -Dpamt.faults.calls=400} makes the scenarios longer, {@code -Dpamt.faults.scenarios=10} makes more of them,
 * {@code -Dpamt.faults.seed=7} makes them others.
 */
class EnumeratedFaultsTest {
    private static final int CALLS = Integer.getInteger("pamt.faults.calls", 200);
    private static final int SCENARIOS = Integer.getInteger("pamt.faults.scenarios", 3);
    private static final long SEED = Long.getLong("pamt.faults.seed", 20_261_120L);

    @Test
    void nothingIsLostWhateverGoesWrong() {
        try (FaultRuns runs = new FaultRuns()) {
            for (int scenario = 0; scenario < SCENARIOS; scenario++) {
                for (Setup setup : Setup.all()) {
                    runs.enumerate(setup, SEED + scenario, CALLS, Fault.answers());
                }
            }
            System.out.println("enumerated faults: " + runs.runs() + " runs, scenarios of " + CALLS
                    + " calls, seeds from " + SEED);
            runs.assertNoFailures();
            assertTrue(runs.runs() >= 20_000 || CALLS < 200 || SCENARIOS < 3, runs.runs() + " runs");
        }
    }

    @Test
    void aLeakIsFound() {
        Setup leaky = new Setup(LockStrategy.per2M(), ReclaimPolicy.eager(), 0, true);
        try (FaultRuns runs = new FaultRuns()) {
            runs.enumerate(leaky, SEED, CALLS, Fault.answers());
            AssertionFailedError found = assertThrows(AssertionFailedError.class, runs::assertNoFailures);
            assertTrue(found.getMessage().contains("pages that are out"), found.getMessage());
        }
    }
}
