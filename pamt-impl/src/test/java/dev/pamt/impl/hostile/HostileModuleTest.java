package dev.pamt.impl.hostile;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The manager against a module, an allocator, a memory and locks that lie and fail at random, while an oracle outside it
 * follows who owns each page. A case is one call of the manager.
 *
 * <p>The build makes 150,000. A million take half a minute: {@code mvn -pl pamt-impl -am test
 * -Dtest=HostileModuleTest -Dpamt.hostile.cases=1000000 -Dsurefire.failIfNoSpecifiedTests=false}. {@code
 * -Dpamt.hostile.seed=N} runs one world again, which goes the same way if it has one thread.
 */
class HostileModuleTest {
    private static final long CASES = Long.getLong("pamt.hostile.cases", 150_000);
    private static final int CASES_PER_WORLD = 400;
    private static final int MOST_FAILURES = Integer.getInteger("pamt.hostile.failures", 5);

    private final PrintStream logged = System.err;

    /** What the manager logs of a hostile world is more than anyone can read. */
    @BeforeEach
    void dropTheLog() {
        System.setErr(new PrintStream(OutputStream.nullOutputStream(), true, StandardCharsets.UTF_8));
    }

    @AfterEach
    void logAgain() {
        System.setErr(logged);
    }

    @Test
    void noPageHasTwoOwnersAndNoneIsForgotten() throws InterruptedException {
        Long only = Long.getLong("pamt.hostile.seed");
        long firstSeed = only != null ? only : new Random().nextLong();
        System.out.println("hostile module, " + (only != null ? "seed " : "first seed ") + firstSeed);
        long cases = 0;
        long calls = 0;
        long lies = 0;
        long worlds = 0;
        Map<String, Integer> kinds = new TreeMap<>();
        List<String> failures = new ArrayList<>();
        while (cases < CASES && failures.size() < MOST_FAILURES && (only == null || worlds == 0)) {
            long seed = firstSeed + worlds * 0x9E37_79B9_7F4A_7C15L;
            World world = new World(seed, CASES_PER_WORLD);
            world.run();
            worlds++;
            cases += world.journal().cases();
            calls += world.journal().calls();
            lies += world.journal().lies();
            if (!world.journal().isClean()) {
                String kind = kind(world.journal().firstViolation());
                System.out.println("seed " + seed + ", after " + cases + " cases: " + kind);
                kinds.merge(kind, 1, Integer::sum);
                failures.add("seed " + seed + ", " + world.profile() + "\n  "
                        + world.journal().report());
            }
        }
        System.out.printf(
                "%,d cases in %,d worlds: %,d calls of the module, %,d of them hostile%n", cases, worlds, calls, lies);
        assertTrue(lies > 0 || only != null, "the module was hostile");
        if (!failures.isEmpty()) {
            kinds.forEach((kind, count) -> System.out.println(count + " worlds: " + kind));
            fail(String.join("\n\n", failures));
        }
    }

    /** A violation without its numbers. */
    private static String kind(String violation) {
        return violation
                .lines()
                .findFirst()
                .orElseThrow()
                .replaceAll("0x[0-9a-f]+|\\[.*", "")
                .replaceAll("[0-9]+", "#");
    }
}
