package dev.pamt.races.exhibits;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.races.exhibits.ProtocolTable.Verdict;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the table of {@code docs/protocols.md}: a cell that says "breaks" must be broken by an interleaving that Lincheck
 * finds, one that says "holds" must not.
 *
 * <p>In the build these are the cells that each protocol is known for. {@code -Dpamt.protocols.all=true} runs all; {@code
 * -Dpamt.protocols.row=V2_TO_V5} runs one line, {@code -Dpamt.protocols.race=R4} one column, and the interleaving that
 * breaks a protocol is printed. {@code -Dpamt.protocols.interleavings=2000} is how many are tried before a cell holds.
 */
class ProtocolTableTest {
    private static final int INTERLEAVINGS = Integer.getInteger("pamt.protocols.interleavings", 300);
    private static final boolean ALL = Boolean.getBoolean("pamt.protocols.all");
    private static final String ONLY_ROW = System.getProperty("pamt.protocols.row");
    private static final String ONLY_RACE = System.getProperty("pamt.protocols.race");

    private static final ProtocolTable TABLE = ProtocolTable.read();

    static List<Arguments> cells() {
        return Stream.of(Row.values())
                .flatMap(row -> Stream.of(Race.values())
                        .filter(race -> isChosen(row, race))
                        .filter(race -> TABLE.verdict(row, race) != Verdict.NOT_APPLICABLE)
                        .map(race -> Arguments.of(row, race, TABLE.verdict(row, race))))
                .toList();
    }

    private static boolean isChosen(Row row, Race race) {
        if (ONLY_ROW != null || ONLY_RACE != null) {
            return (ONLY_ROW == null || ONLY_ROW.equals(row.name()))
                    && (ONLY_RACE == null || ONLY_RACE.equals(race.name()));
        }
        return ALL || row.knownFor.contains(race);
    }

    @ParameterizedTest(name = "{0} {1} {2}")
    @MethodSource("cells")
    void isAsTheTableSays(Row row, Race race, Verdict expected) {
        String counterexample = ContestUnderModelChecker.counterexample(row, race, INTERLEAVINGS);
        if (counterexample != null) {
            assertTrue(counterexample.contains(race.loss), counterexample);
            if (ONLY_ROW != null) {
                System.out.println(brief(counterexample));
            }
        }
        assertEquals(expected, counterexample == null ? Verdict.HOLDS : Verdict.BREAKS, race.loss);
    }

    /** Without the detailed trace, which repeats the interleaving with every line number. */
    private static String brief(String counterexample) {
        int detail = counterexample.indexOf("Detailed trace:");
        return detail < 0 ? counterexample : counterexample.substring(0, detail);
    }
}
