package dev.pamt.impl.oom;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.impl.oom.sites.InstrumentedClasses;
import dev.pamt.impl.oom.sites.Kind;
import dev.pamt.impl.oom.sites.Report;
import dev.pamt.impl.oom.sites.Report.Finding;
import dev.pamt.impl.oom.sites.Request;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A scenario is run once for every place in the implementation that asks for memory, with an OutOfMemoryError there.
 * Afterwards no lock is held, the gate of the module is even, no user is left over, the manager can be closed, every page
 * is back or counted, and the module has no pair that is not counted.
 *
 * <p>A build runs some cases of many. {@code -Dpamt.oom.all=true} runs all of them, {@code -Dpamt.oom.cases=1000} so many,
 * {@code -Dpamt.oom.seed=7} others. {@code -Dpamt.oom.kind=METHOD_ENTRY} throws a StackOverflowError at the beginning of
 * methods instead, which no code can be wholly safe from: it shows where a full stack hurts.
 */
class AllocationFailuresTest {
    private static final int CASES = Integer.getInteger("pamt.oom.cases", 400);
    private static final boolean ALL = Boolean.getBoolean("pamt.oom.all");
    private static final long SEED = Long.getLong("pamt.oom.seed", 20_261_121L);
    private static final Kind KIND = Kind.valueOf(System.getProperty("pamt.oom.kind", Kind.ALLOCATION.name()));
    /** How often a site is hit that a scenario passes several times on one path. */
    private static final int TIMES = 3;

    @Test
    void nothingIsLeftBehindWhereverMemoryRunsOut() throws ReflectiveOperationException {
        Request request = new Request(KIND, ALL ? Integer.MAX_VALUE : CASES, TIMES, SEED, Sabotage.NONE.name());
        // What an error leaves behind can be a wait without an end.
        Report report = assertTimeoutPreemptively(Duration.ofMinutes(ALL ? 60 : 4), () -> run(request));
        System.out.println("allocation failures: seed " + SEED + ", " + report);
        assertEquals(List.of(), report.findings(), () -> lines(report));
        assertTrue(report.cases() >= Math.min(CASES, 100), "cases");
        assertTrue(report.notReached() <= report.cases() / 20, () -> "sites that were not reached: " + report);
    }

    @ParameterizedTest
    @CsvSource({"LOCK, lock held", "PAGE, pages unseen", "MODULE, module disagrees"})
    void whatIsLeftBehindIsFound(String sabotage, String category) throws ReflectiveOperationException {
        Report report = run(new Request(Kind.ALLOCATION, 0, 1, SEED, sabotage));
        assertTrue(report.categories().containsKey(category), () -> lines(report));
    }

    private static String lines(Report report) {
        return report.findings().stream().map(Finding::toString).collect(Collectors.joining("\n", "\n", "\n" + report));
    }

    /** Runs the cases on classes of their own, which are instrumented. */
    private static Report run(Request request) throws ReflectiveOperationException {
        ClassLoader instrumented = new InstrumentedClasses(request.kind());
        @SuppressWarnings("unchecked")
        Function<Request, Report> failures = (Function<Request, Report>) instrumented
                .loadClass(AllocationFailures.class.getName())
                .getConstructor()
                .newInstance();
        return failures.apply(request);
    }
}
