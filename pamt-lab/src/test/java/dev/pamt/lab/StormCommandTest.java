package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StormCommandTest {
    @TempDir
    private Path directory;

    @Test
    void aSmallStormLeavesNothingBehindUnderAnyStrategy() {
        LabRun run = storm("--tds", "3", "--memory", "8M", "--vcpus", "2");
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(
                run.out().contains("3 TDs of 8 MiB with 2 vCPUs each: 6,144 guest pages; seed 1; 2 rounds"), run::out);
        assertTrue(run.out().contains("memory map  synthetic: 32.0 GiB of RAM in 2 ranges"), run::out);
        for (String strategy : List.of("global", "hashed(64)", "per2M")) {
            List<String> cells = run.row(strategy);
            assertEquals(11, cells.size(), cells::toString);
            assertTrue(cells.get(1).matches("\\d+\\.\\d\\d \\(\\d+\\.\\d\\d-\\d+\\.\\d\\d\\)"), cells::toString);
            assertTrue(number(cells.get(3).replace(" ns", "")) > 0, "processor time for each page");
            assertTrue(number(cells.get(4)) >= 3 * 4, "a pair for each 2M that is used at least");
            assertEquals("0", cells.get(8), "BUSY");
            assertEquals("0", cells.get(10), "leaks");
        }
    }

    @Test
    void everyColumnIsExplainedAndTheTableFits120Columns() {
        LabRun run = storm("--tds", "1", "--memory", "2M", "--vcpus", "1");
        for (String column : List.of(
                "M pages/s",
                "CPU/page",
                "ADDs",
                "contended",
                "wait time",
                "lost races",
                "BUSY",
                "peak pairs",
                "leaks")) {
            assertTrue(run.out().lines().anyMatch(line -> line.startsWith(column + " ")), column);
        }
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 120), run::out);
    }

    @Test
    void strategiesRunInTheOrderGiven() {
        LabRun run = storm("--tds", "1", "--memory", "2M", "--strategy", "per2M,hashed:4", "--strategy", "GLOBAL");
        List<String> rows = run.out()
                .lines()
                .dropWhile(line -> !line.startsWith("---"))
                .skip(1)
                .takeWhile(line -> !line.isEmpty())
                .map(line -> line.substring(0, line.indexOf(" ")))
                .toList();
        assertEquals(List.of("per2M", "hashed(4)", "global"), rows);
    }

    @Test
    void theJsonFileHasEachRoundOfEachStrategy() throws IOException {
        Path file = directory.resolve("storm.json");
        LabRun run = LabRun.of(
                "storm",
                "--memory-map",
                "synthetic",
                "--tds",
                "1",
                "--memory",
                "2M",
                "--rounds",
                "3",
                "--strategy",
                "per2M,global",
                "--json",
                file.toString());
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().contains("; 3 rounds"), run::out);
        List<String> values = scalars(file);
        assertEquals(
                2 * 3,
                values.stream().filter(value -> value.startsWith("faultNanos=")).count(),
                values::toString);
    }

    @Test
    void theJsonFileHoldsWhatTheTableShows() throws IOException {
        Path file = directory.resolve("storm.json");
        Files.writeString(file, "what was there before");
        LabRun run = storm("--tds", "2", "--memory", "4M", "--seed", "77", "--json", file.toString());
        assertEquals(0, run.exitCode(), run::err);
        List<String> values = scalars(file);
        assertTrue(
                values.containsAll(List.of(
                        "seed=77",
                        "tds=2",
                        "memoryBytes=4194304",
                        "source=synthetic",
                        "ramBytes=34358689792",
                        "strategy=global",
                        "strategy=hashed(64)",
                        "strategy=per2M",
                        "guestPages=2048",
                        "leakedPages=0",
                        "installed=0")),
                values::toString);
        assertTrue(values.contains("adds=" + number(run.row("per2M").get(4))), values::toString);
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(file), files.toList(), "nothing half written is left");
        }
    }

    @Test
    void aMapThatCannotBeReadIsReplacedByTheSyntheticOneAndSaysSo() throws IOException {
        Path noMap = Files.writeString(directory.resolve("notes.txt"), "to do\nshopping\n");
        for (String[] mapAndReason : new String[][] {
            {noMap.toString(), "none of its 2 lines is one of /proc/iomem"},
            {directory.resolve("absent").toString(), "there is no such file"},
            {directory.toString(), "it is a directory"},
        }) {
            LabRun run = LabRun.of(
                    "storm", "--tds", "1", "--memory", "2M", "--strategy", "per2M", "--memory-map", mapAndReason[0]);
            assertEquals(0, run.exitCode(), run::err);
            assertTrue(run.out().contains("memory map  synthetic: 32.0 GiB"), run::out);
            assertTrue(run.out().contains("because " + mapAndReason[0] + ": " + mapAndReason[1]), run::out);
        }
    }

    @Test
    void aSavedBootLogIsUsed() throws IOException {
        Path log = Files.writeString(
                directory.resolve("boot.log"), "[    0.000000] virt/tdx: CMR: [0x100000000, 0x140000000)\n");
        LabRun run = LabRun.of(
                "storm", "--tds", "1", "--memory", "2M", "--strategy", "per2M", "--memory-map", log.toString());
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().contains(log + ": 1 GiB of RAM in 1 range up to 0x140000000"), run::out);
        assertFalse(run.out().contains("because"), run::out);
    }

    @Test
    void aStormThatDoesNotFitIsRefusedBeforeItStarts() {
        LabRun run = storm("--tds", "40", "--memory", "1G");
        assertEquals(2, run.exitCode());
        assertEquals("", run.out());
        assertTrue(run.err().contains("40 TDs of 1 GiB with 4 vCPUs each need up to 40.2 GiB"), run::err);
        assertTrue(run.err().contains("memory map synthetic has 32.0 GiB free"), run::err);
    }

    @Test
    void aModuleThatKeepsItsPairsIsAFinding() {
        LabRun run = storm("--backend", "leaky", "--tds", "1", "--memory", "4M", "--strategy", "per2M");
        assertEquals(1, run.exitCode(), run::err);
        assertTrue(number(run.row("per2M").get(10)) > 0, run::out);
        assertTrue(run.err().contains("page pairs still installed"), run::err);
        assertTrue(run.err().contains("RegionsInUseException"), run::err);
        assertTrue(run.err().contains("per2M, round 1: "), run::err);
        assertFalse(run.err().contains("round 2"), "a round with a finding is the last");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--memory 3X       | '3X' is no size",
                "--memory 3M       | a multiple of 2M",
                "--memory 99999999999999T | larger than any memory",
                "--tds 0           | at least 1 TD, not 0",
                "--vcpus -1        | at least 1 vCPU, not -1",
                "--tds 2000 --vcpus 8 | 2000 TDs with 8 vCPUs are 16000",
                "--strategy fair   | 'fair' is no lock strategy; there are global",
                "--strategy hashed:3 | a power of two",
                "--backend none    | no SEAMCALL backend is named 'none'; there is",
                "--rounds 0        | 1 to 1000 rounds, not 0",
                "--rounds 1001     | 1 to 1000 rounds, not 1001",
                "--latency slow    | --latency",
                "--json /          | a file in a directory that can be written to",
                "--memry 1G        | Possible solutions: --memory",
            })
    void badValuesAreRefusedWithTheValueAndTheRule(String options, String message) {
        LabRun run = storm(options.strip().split(" "));
        assertEquals(2, run.exitCode());
        assertTrue(run.err().contains(message), run::err);
        assertTrue(run.err().contains("Try: ./lab storm --help"), run::err);
    }

    private static LabRun storm(String... options) {
        List<String> args = new ArrayList<>(List.of("storm", "--memory-map", "synthetic"));
        if (!List.of(options).contains("--rounds")) {
            args.addAll(List.of("--rounds", "2"));
        }
        args.addAll(List.of(options));
        return LabRun.of(args.toArray(String[]::new));
    }

    private static long number(String cell) {
        return Long.parseLong(cell.replace(",", ""));
    }

    /** Every scalar of a JSON file as name=value. */
    private static List<String> scalars(Path file) throws IOException {
        List<String> values = new ArrayList<>();
        try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token.isScalarValue()) {
                    values.add(json.currentName() + "=" + json.getText());
                }
            }
        }
        return values;
    }
}
