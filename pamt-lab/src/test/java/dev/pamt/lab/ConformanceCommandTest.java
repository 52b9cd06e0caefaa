package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConformanceCommandTest {
    private static final String HEADER = "{\"header\": 1, \"platform\": {\"maxpa\": 46, \"hkid_start_bit\": 40,"
            + " \"private_hkid_min\": 32, \"private_hkid_max\": 63, \"global_hkid\": 32, \"num_lps\": 1,"
            + " \"num_pkgs\": 1}, \"dynamic_pamt\": true, \"tdmrs\": [{\"base\": \"0x100000000\","
            + " \"size\": \"0x40000000\", \"reserved\": [], \"pamt_1g\": {\"base\": \"0x40000000\", \"size\": \"0x1000\"},"
            + " \"pamt_2m\": {\"base\": \"0x40001000\", \"size\": \"0x2000\"},"
            + " \"pamt_4k\": {\"base\": \"0x40003000\", \"size\": \"0x8000\"}}], \"unlisted_regs\": {\"rcx\": 0,"
            + " \"rdx\": 0, \"rbx\": 0, \"rsi\": 0, \"rdi\": 0, \"r8\": 0, \"r9\": 0, \"r10\": 0, \"r11\": 0,"
            + " \"r12\": 0, \"r13\": 0, \"r14\": 0, \"r15\": 0}}";
    private static final String ADD = "{\"n\": 7, \"leaf\": \"TDH.PHYMEM.PAMT.ADD\", \"leaf_no\": 58,"
            + " \"in\": {\"rcx\": \"0x102000001\", \"rdx\": \"0x102800000\", \"r8\": \"0x102801000\"},"
            + " \"out\": {\"rax\": \"%s\"}, \"status\": \"%s\"}";
    private static final String GOOD_ADD = ADD.formatted("0x0", "TDX_SUCCESS");
    private static final String WRONG_ADD = ADD.formatted("0x8000020000000001", "TDX_OPERAND_BUSY/RCX");

    /** No machine has more than 52 address bits. */
    private static final String OTHER_MACHINE = HEADER.replace("\"maxpa\": 46", "\"maxpa\": 53");

    private static final String TWO_PROCESSORS = HEADER.replace("\"num_lps\": 1", "\"num_lps\": 2");
    private static final String RACING_ADD = "[{\"leaf\": \"TDH.PHYMEM.PAMT.ADD\", \"leaf_no\": 58, \"in\":"
            + " {\"rcx\": \"0x102000001\", \"rdx\": \"0x102800000\", \"r8\": \"0x102801000\"}}]";

    /** Its only outcome is one that cannot be. */
    private static final String RACE = "{\"name\": \"add_add\", \"about\": \"ADD || ADD\", \"regions\": {},"
            + " \"watch\": {}, \"setup\": [], \"t1\": " + RACING_ADD + ", \"t2\": " + RACING_ADD + ", \"outcomes\":"
            + " [{\"t1\": [\"TDX_SUCCESS\"], \"t2\": [\"TDX_SUCCESS\"], \"final\": \"\"}],"
            + " \"allowed_by_reading\": []}";

    @TempDir
    private Path directory;

    private Path recording(String name, String... lines) throws Exception {
        return Files.write(directory.resolve(name), List.of(lines));
    }

    @Test
    void aRecordingThatTheBackendAnswersLikewisePasses() throws Exception {
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("good.jsonl", HEADER, GOOD_ADD).toString());
        assertEquals(0, run.exitCode(), run::err);
        assertEquals(List.of("good.jsonl", "1", "0", "0", "0", "passed"), run.row("good.jsonl"));
        assertTrue(run.out().contains("TDH.PHYMEM.PAMT.ADD: 1 call, 1 status"), run::out);
        assertEquals("", run.err());
    }

    @Test
    void aDifferenceIsToldInFullAndIsAFinding() throws Exception {
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("bad.jsonl", HEADER, WRONG_ADD).toString());
        assertEquals(1, run.exitCode());
        assertEquals(List.of("bad.jsonl", "1", "0", "0", "1", "failed"), run.row("bad.jsonl"));
        assertEquals(
                "bad.jsonl  n 7  TDH.PHYMEM.PAMT.ADD  rax  expected TDX_OPERAND_BUSY|RCX (0x8000020000000001)"
                        + "  got TDX_SUCCESS (0x0000000000000000)",
                run.err().strip());
    }

    @Test
    void aDirectoryIsReadWhollyPackedOrNot() throws Exception {
        recording("a.jsonl", HEADER, GOOD_ADD);
        recording("README.md", "no recording");
        try (Writer packed = new OutputStreamWriter(
                new GZIPOutputStream(Files.newOutputStream(directory.resolve("b.jsonl.gz"))), StandardCharsets.UTF_8)) {
            packed.write(HEADER + "\n" + GOOD_ADD + "\n" + GOOD_ADD + "\n");
        }
        LabRun run = LabRun.of("conformance", "--vectors", directory.toString());
        assertEquals(1, run.exitCode(), "the pages of the second ADD are not free any more");
        assertEquals("1", run.row("a.jsonl").get(1));
        assertEquals("2", run.row("b.jsonl.gz").get(1));
    }

    @Test
    void aRunInWhichEverythingWasSkippedIsNoSuccess() throws Exception {
        Path report = directory.resolve("report.xml");
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("other.jsonl", OTHER_MACHINE, GOOD_ADD).toString(),
                "--junit",
                report.toString());
        assertEquals(1, run.exitCode());
        assertEquals(List.of("other.jsonl", "0", "0", "1", "0", "skipped"), run.row("other.jsonl"));
        assertEquals(List.of("1 recording", "0", "0", "1", "0", "0 passed"), run.row("1 recording"));
        assertTrue(run.out().contains("skipped  other.jsonl  1 line from line 1: the backend cannot be"), run::out);
        assertTrue(run.err().startsWith("Nothing was replayed: every recording was skipped"), run::err);
        String xml = Files.readString(report);
        assertTrue(xml.contains("tests=\"1\" failures=\"0\" errors=\"0\" skipped=\"1\""), xml);
        assertTrue(xml.contains("name=\"other.jsonl\"><skipped"), xml);
    }

    @Test
    void racesAloneAreNothingToReplay() throws Exception {
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("race.jsonl", HEADER, RACE).toString());
        assertEquals(1, run.exitCode());
        assertTrue(run.err().startsWith("Nothing was replayed"), run::err);
    }

    @Test
    void aSkippedRecordingBesideAnotherIsNotCountedAsPassed() throws Exception {
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("other.jsonl", OTHER_MACHINE, GOOD_ADD).toString(),
                recording("good.jsonl", HEADER, GOOD_ADD).toString());
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("", run.err());
        assertEquals("skipped", run.row("other.jsonl").get(5));
        assertEquals("1 passed", run.row("2 recordings").get(5));
    }

    @Test
    void junitXmlHasATestCaseForEachRecording() throws Exception {
        Path report = directory.resolve("report.xml");
        LabRun run = LabRun.of(
                "conformance",
                "--vectors",
                recording("good.jsonl", HEADER, GOOD_ADD).toString(),
                recording("bad.jsonl", HEADER, WRONG_ADD).toString(),
                "--junit",
                report.toString());
        assertEquals(1, run.exitCode());
        String xml = Files.readString(report);
        assertTrue(xml.contains("<testsuite name=\"conformance.emulator\" tests=\"2\" failures=\"1\""), xml);
        assertTrue(xml.contains("<testcase classname=\"conformance.emulator\" name=\"bad.jsonl\"><failure"), xml);
    }

    @Test
    void whatIsNoRecordingIsWrongUsage() throws Exception {
        assertEquals(
                2, LabRun.of("conformance", "--vectors", directory.toString()).exitCode());
        assertEquals(2, LabRun.of("conformance", "--vectors", "/no/such/file").exitCode());
        LabRun malformed = LabRun.of(
                "conformance", "--vectors", recording("x.jsonl", HEADER, "{").toString());
        assertEquals(2, malformed.exitCode());
        assertTrue(malformed.err().contains("x.jsonl, line 2 cannot be understood"), malformed::err);
        LabRun incomplete = LabRun.of(
                "conformance",
                "--vectors",
                recording("y.jsonl", HEADER, "{\"leaf\": \"TDH.SYS.RD\"}").toString());
        assertEquals(2, incomplete.exitCode());
        assertTrue(
                incomplete.err().contains("y.jsonl, line 2 cannot be understood: field 'in' is missing"),
                incomplete::err);
        assertEquals(2, LabRun.of("conformance", "--backend", "none").exitCode());
        assertEquals(2, LabRun.of("conformance", "--litmus", "--rounds", "0").exitCode());
    }

    @Test
    void racesStayInsideTheRecordedOutcomes() {
        LabRun run = LabRun.of("conformance", "--litmus", "--rounds", "2", "--seed", "3");
        assertEquals(0, run.exitCode(), run::err);
        assertEquals(List.of("67 races", "134"), run.row("67 races").subList(0, 2));
    }

    @Test
    void aRaceThatNeverCameOutLikeThatIsAFinding() throws Exception {
        Path file = recording("race.jsonl", TWO_PROCESSORS, RACE);
        LabRun run = LabRun.of("conformance", "--litmus", file.toString(), "--rounds", "3");
        assertEquals(1, run.exitCode());
        assertTrue(run.err().contains("add_add (ADD || ADD): "), run::err);
    }

    @Test
    void racesOfADirectoryAreRunWhereverTheyAre() throws Exception {
        recording("a.jsonl", HEADER, GOOD_ADD);
        LabRun none = LabRun.of("conformance", "--litmus", directory.toString(), "--rounds", "1");
        assertEquals(2, none.exitCode(), "there are no races");
        assertTrue(none.err().contains("has no races"), none::err);

        recording("b.jsonl", TWO_PROCESSORS, RACE);
        recording("c.jsonl", TWO_PROCESSORS, RACE);
        LabRun run = LabRun.of("conformance", "--litmus", directory.toString(), "--rounds", "1");
        assertEquals(1, run.exitCode());
        assertEquals("2", run.row("2 races").get(1));
    }
}
