package dev.pamt.example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The example of the README: it is what stands there, it compiles, and it prints what the README says. */
class QuickStartTest {
    private static final Path ROOT = Path.of("..");
    private static final Path THIS = Path.of("src/test/java/dev/pamt/example/QuickStartTest.java");

    private static void quickStart(PrintStream out) {
        // begin
        try (PamtManager pamt =
                PamtManager.builder().lockStrategy(LockStrategy.per2M()).build()) {
            long page = pamt.allocPage(); // TDH.PHYMEM.PAMT.ADD: the page's 2M region has a page pair now
            out.println(pamt.state(page));
            pamt.get(page); // one more user of the region: wait-free, no SEAMCALL
            pamt.put(page);
            pamt.freePage(page); // the last user is gone: TDH.PHYMEM.PAMT.REMOVE
            out.println(pamt.state(page));
            PamtStats.Calls calls = pamt.stats().calls();
            out.println(calls.adds() + " ADD, " + calls.removes() + " REMOVE");
        }
        // end
    }

    @Test
    void printsWhatTheReadmeSays() {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        quickStart(new PrintStream(printed, true, StandardCharsets.UTF_8));
        assertEquals(
                List.of("BACKED(1)", "EMPTY", "1 ADD, 1 REMOVE"),
                printed.toString(StandardCharsets.UTF_8).lines().toList());
    }

    @Test
    void isWhatStandsInTheReadme() throws IOException {
        String source = Files.readString(THIS);
        String example = source.substring(
                        source.indexOf("// begin\n") + "// begin\n".length(), source.indexOf("        // end\n"))
                .stripTrailing()
                .stripIndent()
                .replace("out.println", "System.out.println");
        String readme = Files.readString(ROOT.resolve("README.md"));
        String shown = readme.lines()
                .dropWhile(line -> !line.equals("```java"))
                .skip(1)
                .takeWhile(line -> !line.equals("```"))
                .collect(Collectors.joining("\n"));
        assertEquals(example, shown);
    }
}
