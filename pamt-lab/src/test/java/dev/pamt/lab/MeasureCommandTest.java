package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.pamt.lab.measure.FakeMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MeasureCommandTest {
    private static final long GIB = 1L << 30;
    private static final long REGION = 2L << 20;
    private static final long HEAP = 0x7f00_0000_0000L;

    @TempDir
    private Path directory;

    private Path root;
    private FakeMachine machine;

    /** Process 42 has 600 4K pages in four regions, 512 of them in a whole block, and two huge pages. */
    @BeforeEach
    void aMachineWithAGuest() throws IOException {
        root = directory.resolve("root");
        machine = new FakeMachine(root, 4 * GIB).thp(10 * REGION).thp(11 * REGION);
        machine.process(42, "guest")
                .map(HEAP, 4096)
                .present(10 * REGION, 1024)
                .present(20 * REGION + 4096, 511)
                .present(30 * REGION, 1)
                .present(31 * REGION, 80)
                .present(32 * REGION, 8)
                .swapped(2);
    }

    private LabRun measure(String... options) {
        List<String> args = new ArrayList<>(List.of("measure", "--root", root.toString()));
        args.addAll(List.of(options));
        return LabRun.of(args.toArray(String[]::new));
    }

    @Test
    void aProcessIsMeasuredInFull() {
        LabRun run = measure("--pid", "42");
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("", run.err());
        assertTrue(run.out().startsWith("measure     guest (pid 42), taken "), run::out);
        assertTrue(
                run.out().contains("memory      6.3 MiB present in 1,624 pages of 4K; 2 swapped out, 0 left out"),
                run::out);
        assertTrue(
                run.out()
                        .contains("host        4 GiB of RAM: static PAMT takes 16.0 MiB,"
                                + " Dynamic PAMT 160.1 KiB before the first page pair"),
                run::out);
        assertEquals(List.of("4K", "600", "2.3 MiB", "36.9 %", "4", "4"), run.row("4K"));
        assertEquals(List.of("THP 2M", "1,024", "4 MiB", "63.1 %", "2", "0"), run.row("THP 2M"));
        assertEquals(List.of("all", "1,624", "6.3 MiB", "100.0 %", "6", "4"), run.row("all"));
        assertEquals(
                List.of("Dynamic PAMT, pages as they lie", "4", "32 KiB", "0.493 %"),
                run.row("Dynamic PAMT, pages as they lie"));
        assertEquals(List.of("", "4K pages in the fewest regions", "2", "16 KiB", "0.246 %"), run.row("  4K pages in"));
        assertEquals(List.of("", "a huge page for each whole 2M", "2", "16 KiB", "0.246 %"), run.row("  a huge page"));
        assertEquals(List.of("", "both", "1", "8 KiB", "0.123 %"), run.row("  both"));
        assertEquals(List.of("static PAMT", "-", "25.5 KiB", "0.392 %"), run.row("static PAMT"));
        assertEquals(List.of("1", "1", "1", "#".repeat(40)), run.row("1"));
        assertEquals(List.of("64 to 127", "1", "80", "#".repeat(40)), run.row("64 to 127"));
        assertEquals(List.of("256 to 511", "1", "511", "#".repeat(40)), run.row("256 to 511"));
        assertEquals(List.of("512", "0", "0"), run.row("512"));
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 120), run::out);
    }

    @Test
    void theCountersOfKvmAreShown() throws IOException {
        machine.kvmVm(42, 13, 1, 500);
        LabRun run = measure("--process", "guest");
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(
                run.out()
                        .contains("kvm         VM of descriptor 13: KVM has mapped 1 page of 4K, 500 pages of 2M,"
                                + " 0 pages of 1G"),
                run::out);
    }

    @Test
    void aRecordedPlacementMeasuresAsTheProcessDid() throws IOException {
        Path placement = directory.resolve("guest.placement");
        LabRun live = measure("--pid", "42", "--record", placement.toString());
        assertEquals(0, live.exitCode(), live::err);
        assertTrue(live.out().contains("placement written to " + placement), live::out);
        LabRun saved = measure(placement.toString());
        assertEquals(0, saved.exitCode(), saved::err);
        assertEquals(
                live.out()
                        .lines()
                        .filter(line -> !line.startsWith("placement written"))
                        .toList()
                        .subList(0, 20),
                saved.out().lines().toList().subList(0, 20));
        assertEquals("pamt-placement 1", Files.readAllLines(placement).get(0));
    }

    @Test
    void theJsonFileHasWhatTheTablesShow() throws IOException {
        Path file = directory.resolve("measure.json");
        LabRun run = measure("--pid", "42", "--json", file.toString());
        assertEquals(0, run.exitCode(), run::err);
        String json = Files.readString(file);
        for (String field : List.of(
                "\"pid\" : 42",
                "\"ramPages\" : 1048576",
                "\"thp-2m\" : 1024",
                "\"pairs\" : 4",
                "\"fewestPairsWithHugePages\" : 1",
                "\"pairBytes\" : 32768",
                "\"swappedPages\" : 2",
                "\"pages\" : 511")) {
            assertTrue(json.contains(field), field + " in " + json);
        }
    }

    @Test
    void watchingPrintsALineForEachLook() throws IOException {
        Path file = directory.resolve("watch.json");
        LabRun run = measure("--pid", "42", "--watch=0.01", "--samples", "3", "--json", file.toString());
        assertEquals(0, run.exitCode(), run::err);
        assertEquals(
                3,
                run.out()
                        .lines()
                        .filter(
                                line -> line.endsWith(
                                        "6.3 MiB           600         1,024             0             4      32 KiB   0.493 %"))
                        .count(),
                run::out);
        assertEquals(
                3,
                Files.readAllLines(file).stream()
                        .filter(line -> line.contains("\"nanos\""))
                        .count());
    }

    @Test
    void watchingEndsWithTheProcess() throws Exception {
        Thread end = new Thread(() -> {
            try {
                Thread.sleep(300);
                Files.writeString(root.resolve("proc/42/status"), "Name:\tguest\nState:\tZ (zombie)\n");
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        end.start();
        LabRun run = measure("--pid", "42", "--watch=0.05");
        end.join();
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().endsWith("process 42 has ended" + System.lineSeparator()), run::out);
    }

    @Test
    void withoutPhysicalAddressesTheRightIsNamedAndBoundsAreGiven() throws IOException {
        machine.process(43, "closed")
                .hidden()
                .map(HEAP, 4096)
                .sumOfThp(512)
                .present(0, 512)
                .present(0, 700);
        Path placement = directory.resolve("none.placement");
        LabRun run = measure("--pid", "43", "--record", placement.toString());
        assertEquals(3, run.exitCode());
        assertTrue(run.out().startsWith("measure     closed (pid 43), without physical addresses"), run::out);
        assertEquals(List.of("4K", "700", "2.7 MiB", "57.8 %"), run.row("4K"));
        assertEquals(
                "2", run.row("Dynamic PAMT, 4K pages in the fewest regions").get(1));
        assertEquals("2", run.row("  a region for each 2M of addresses").get(2));
        assertEquals("700", run.row("  at most").get(2));
        assertTrue(run.err().contains("/proc/43/pagemap hides physical addresses: it needs CAP_SYS_ADMIN"), run::err);
        assertTrue(run.err().contains("none.placement: not written"), run::err);
        assertFalse(Files.exists(placement));
    }

    @Test
    void aProcessThatMayNotBeReadAtAllHasItsResidentMemory() throws IOException {
        Path smaps = root.resolve("proc/42/smaps");
        assumeTrue(smaps.toFile().setReadable(false), "the file system has rights");
        assumeFalse(Files.isReadable(smaps), "root may read everything");
        LabRun run = measure("--pid", "42");
        assertEquals(3, run.exitCode());
        assertTrue(run.err().contains("or CAP_SYS_PTRACE"), run::err);
        assertTrue(run.out().contains("memory      6.3 MiB resident in 1,624 pages of 4K"), run::out);
        assertEquals(
                "4", run.row("Dynamic PAMT, 4K pages in the fewest regions").get(1));
    }

    /** Whatever rights the tests have: the numbers of this very JVM fit together. */
    @Test
    void thisJvmIsMeasuredAsFarAsItsRightsGo() throws IOException {
        assumeTrue(Files.exists(Path.of("/proc/self/smaps")), "only Linux has it");
        long pid = ProcessHandle.current().pid();
        Path placement = directory.resolve("jvm.placement");
        LabRun run = LabRun.of("measure", "--pid", Long.toString(pid), "--record", placement.toString());
        if (run.exitCode() == 0) {
            assertEquals("", run.err());
            LabRun saved = LabRun.of("measure", placement.toString());
            assertEquals(run.row("4K"), saved.row("4K"));
            assertEquals(run.row("all"), saved.row("all"));
        } else {
            assertEquals(3, run.exitCode(), run::err);
            assertTrue(run.err().contains("CAP_") || run.err().contains("CONFIG_"), run::err);
        }
        long small = number(run.row("4K").get(1));
        long all = number(run.row("all").get(1));
        assertTrue(small > 0 && small <= all, run::out);
        assertTrue(all > 1000, "a JVM has more than 4 MB: " + run.out());
    }

    @Test
    void aCommandIsMeasuredAndEnded() {
        assumeTrue(Files.exists(Path.of("/proc/self/smaps")), "only Linux has it");
        long children = ProcessHandle.current().children().count();
        LabRun run = LabRun.of("measure", "--after", "0.3", "--", "sleep", "60");
        assertTrue(run.exitCode() == 0 || run.exitCode() == 3, run::err);
        assertTrue(run.out().startsWith("command     is running"), run::out);
        assertTrue(run.out().contains("sleep (pid "), run::out);
        assertEquals(children, ProcessHandle.current().children().count());
    }

    @Test
    void aCommandIsMeasuredUntilItEnds() {
        assumeTrue(Files.exists(Path.of("/proc/self/smaps")), "only Linux has it");
        LabRun run = LabRun.of("measure", "--interval", "0.02", "--", "sh", "-c", "sleep 0.4; exit 7");
        assertTrue(run.exitCode() == 0 || run.exitCode() == 3, run::err);
        assertTrue(run.out().startsWith("command     has ended with exit status 7"), run::out);
        assertTrue(number(run.row("4K").get(1)) > 0, run::out);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--watch=1                | one thing is measured: --pid PID, --process NAME, a placement file, or -- COMMAND; none",
                "--pid 42 --process guest | 2 were given",
                "--pid 4711               | --pid 4711: there is no such process",
                "--process nobody         | --process nobody: no process has that name",
                "--process twin           | 2 processes have that name, [7, 8]; choose one with --pid",
                "--pid 9                  | process 9 (kthread) has no memory of its own: it is a kernel thread",
                "/no/such/file            | cannot read the placement: there is no /no/such/file",
                "a b                      | one placement file is read, not 2: [a, b]; a command comes after --",
                "a --record b             | --record goes with pages of a process",
                "a --watch=1              | --watch goes with --pid or --process",
                "--pid 42 --samples 3     | --samples goes with --watch",
                "--pid 42 --watch=1 --samples 0 | at least 1 look is taken, not 0",
                "--pid 42 --watch=-1      | --watch: a number of seconds above 0 and up to 1000000 is needed, not -1.0",
                "--pid 42 --after 3       | --after goes with a command",
                "--pid 42 --interval 3    | --interval goes with a command",
                "--pid 42 --json /        | --json /: a file in a directory that can be written to is needed",
                "--pid 42 --record /      | --record /: a file in a directory that can be written to is needed",
                "-- true                  | --root goes with processes that run already",
                "--pid x                  | 'x' is not a long",
            })
    void badOptionsAreRefusedWithTheValueAndTheRule(String options, String message) throws IOException {
        machine.process(7, "twin");
        machine.process(8, "twin");
        machine.process(9, "kthread");
        Files.writeString(root.resolve("proc/9/smaps"), "");
        LabRun run = measure(options.strip().split(" ", -1));
        assertEquals(2, run.exitCode(), run::out);
        assertTrue(run.err().contains(message), run::err);
        assertTrue(run.err().contains("Try: ./lab measure --help"), run::err);
    }

    @Test
    void aCommandThatCannotBeStartedIsWrongUsage() {
        LabRun run = LabRun.of("measure", "--", "/no/such/program");
        assertEquals(2, run.exitCode());
        assertTrue(run.err().contains("the command cannot be started: "), run::err);
    }

    private static long number(String cell) {
        return Long.parseLong(cell.replace(",", ""));
    }
}
