package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.Race.Contest;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * One race against one protocol under Lincheck: each of the two threads makes its one move.
 *
 * <p>Public because Lincheck asks for it.
 */
public final class ContestUnderModelChecker {
    private static Row row;
    private static Race race;

    private final Contest contest = race.contest(new World(row));

    /** Makes a world for one interleaving. */
    public ContestUnderModelChecker() {}

    /**
     * Looks for an interleaving in which the race is lost.
     *
     * @return what Lincheck prints of it, or null if there is none among those tried
     */
    static synchronized String counterexample(Row ofRow, Race ofRace, int interleavings) {
        row = ofRow;
        race = ofRace;
        try {
            new ModelCheckingOptions()
                    .iterations(1)
                    .threads(2)
                    .actorsBefore(0)
                    .actorsPerThread(1)
                    .actorsAfter(0)
                    .invocationsPerIteration(interleavings)
                    .minimizeFailedScenario(false)
                    .check(ContestUnderModelChecker.class);
            return null;
        } catch (LincheckAssertionError lost) {
            return lost.getMessage();
        }
    }

    /** The move of a thread. */
    @Operation
    public void run(@Param(gen = ThreadIdGen.class) int thread) {
        if (thread == 1) {
            contest.first();
        } else {
            contest.second();
        }
    }

    /** Who has lost, when both have moved. */
    @Validate
    public void verdict() {
        if (contest.isLost(race)) {
            throw new AssertionError(race.loss);
        }
    }
}
