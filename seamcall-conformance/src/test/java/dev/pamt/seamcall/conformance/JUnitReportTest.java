package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JUnitReportTest {
    private static final Difference DIFFERENCE = new Difference("failed.jsonl", 5, 4, "LEAF", "rdx", "0x1", "0x2");

    @TempDir
    private Path directory;

    private static ReplayResult result(String file, int calls, List<Difference> differences, Skip... skips) {
        return new ReplayResult(file, calls, 0, new TreeMap<>(), differences, List.of(skips));
    }

    private static SortedMap<String, Integer> outcomes(String... outcomes) {
        SortedMap<String, Integer> seen = new TreeMap<>();
        for (String outcome : outcomes) {
            seen.put(outcome, 1);
        }
        return seen;
    }

    private String written() throws IOException {
        return Files.readString(directory.resolve("report.xml")).replace(System.lineSeparator(), "\n");
    }

    @Test
    void aRecordingPassesFailsOrIsSkipped() throws Exception {
        JUnitReport.write(
                directory.resolve("report.xml"),
                "fake",
                List.of(
                        result("passed.jsonl", 3, List.of()),
                        result("failed.jsonl", 3, List.of(DIFFERENCE, DIFFERENCE)),
                        result("partly.jsonl", 3, List.of(), new Skip("<no inspection>", 2, 7)),
                        result("skipped.jsonl", 0, List.of(), new Skip("no guests", 9, 1), new Skip("no locks", 2, 3)),
                        result("down.jsonl", 0, List.of(DIFFERENCE), new Skip("lost", 1, 2))));
        String difference = "failed.jsonl  n 4  LEAF  rdx  expected 0x1  got 0x2\n";
        assertEquals("""
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuite name="conformance.fake" tests="5" failures="2" errors="0" skipped="1">
                  <testcase classname="conformance.fake" name="passed.jsonl"></testcase>
                  <testcase classname="conformance.fake" name="failed.jsonl"><failure message="2 differences">\
                """ + difference + difference + """
                </failure></testcase>
                  <testcase classname="conformance.fake" name="partly.jsonl"><system-out>2 lines from line 7: \
                &lt;no inspection&gt;
                </system-out></testcase>
                  <testcase classname="conformance.fake" name="skipped.jsonl"><skipped message="9 lines from line 1: \
                no guests; 2 lines from line 3: no locks"></skipped><system-out>9 lines from line 1: no guests
                2 lines from line 3: no locks
                </system-out></testcase>
                  <testcase classname="conformance.fake" name="down.jsonl"><failure message="1 differences">\
                """ + difference + """
                </failure><system-out>1 lines from line 2: lost
                </system-out></testcase>
                </testsuite>
                """, written());
    }

    @Test
    void aRaceFailsIfAnOutcomeWasOutside() throws Exception {
        JUnitReport.writeLitmus(
                directory.resolve("report.xml"),
                "fake",
                List.of(
                        new Litmus.Result("tame", "", 2, outcomes("x"), outcomes(), 1),
                        new Litmus.Result("wild", "", 2, outcomes("x"), outcomes("[a] || [b]", "[c]"), 1)));
        assertEquals("""
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuite name="litmus.fake" tests="2" failures="1" errors="0" skipped="0">
                  <testcase classname="litmus.fake" name="tame"></testcase>
                  <testcase classname="litmus.fake" name="wild"><failure message="2 differences">[a] || [b]
                [c]
                </failure></testcase>
                </testsuite>
                """, written());
    }

    @Test
    void aThousandDifferencesAreWrittenOutAndAllAreCounted() throws Exception {
        JUnitReport.write(
                directory.resolve("report.xml"),
                "fake",
                List.of(result("failed.jsonl", 1, Collections.nCopies(1001, DIFFERENCE))));
        assertTrue(written().contains("<failure message=\"1001 differences\">"));
        assertEquals(
                1000, written().lines().filter(line -> line.contains("rdx")).count());
    }

    @Test
    void aFileThatCannotBeWrittenIsTold() {
        assertThrows(
                IOException.class, () -> JUnitReport.write(directory.resolve("absent/report.xml"), "fake", List.of()));
    }
}
