package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each experiment in small: it ends with nothing lost, or says what. */
class ExperimentCommandTest {
    @TempDir
    private Path directory;

    private static LabRun run(String experiment, String... options) {
        List<String> args = new ArrayList<>(List.of(experiment, "--memory-map", "synthetic:4G", "--latency", "none"));
        args.addAll(List.of(options));
        return LabRun.of(args.toArray(String[]::new));
    }

    @ParameterizedTest
    @ValueSource(strings = {"policies", "boot", "reboot", "split", "neighbour"})
    void inSmallItLeavesNothingAndExplainsEveryColumn(String experiment) {
        List<String> options = new ArrayList<>(List.of("--tds", "2", "--memory", "8M", "--vcpus", "1"));
        if (experiment.equals("neighbour")) {
            options.addAll(List.of("--for", "50ms"));
        }
        LabRun run = run(experiment, options.toArray(String[]::new));
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().contains("2 TDs of 8 MiB with 1 vCPU each, backing 2m; seed 1"), run::out);
        assertTrue(run.out().lines().anyMatch(line -> line.matches("onDemand.* \\d.*")), run::out);
        assertTrue(run.out().lines().anyMatch(line -> line.startsWith("policy  ")), run::out);
        assertTrue(run.out().lines().filter(line -> line.startsWith("-----")).count() == 1, run::out);
    }

    @Test
    void countingPoliciesAreNeverRefusedAPage() {
        LabRun run = run("policies", "--tds", "2", "--memory", "16M", "--backing", "4k");
        for (String policy : List.of("onDemand eager", "septAtTopUp", "populate", "firstTd", "striped")) {
            List<String> cells = run.row(policy);
            assertEquals("0", cells.get(cells.size() - 1), policy + ": missing pair");
            assertEquals("0 B", cells.get(4), policy + ": pairs at the end");
        }
        List<String> lazy = run.row("lazy");
        assertTrue(number(lazy.get(lazy.size() - 1)) > 0, "the lazy one waits to be refused");
    }

    @Test
    void aChunkThatHasAPairIsNotMappedAsOnePage() {
        LabRun run = run("policies", "--tds", "1", "--memory", "16M", "--policy", "onDemand,populate");
        assertTrue(number(run.row("onDemand eager").get(8)) >= 8, run::out);
        assertEquals("0", run.row("onDemand eager").get(9), "refused");
        assertEquals("0", run.row("populate").get(8), "mapped as 2M");
        assertTrue(number(run.row("populate").get(9)) >= 8, run::out);
    }

    @Test
    void pairsThatAreKeptAreNotGivenAgainWhenTheGuestStartsAgain() {
        LabRun run = run("reboot", "--tds", "1", "--memory", "16M", "--backing", "4k", "--policy", "onDemand");
        List<String> eager = run.row("onDemand eager");
        assertTrue(number(eager.get(2)) >= 8, "a pair for each block again");
        assertEquals("0 B", eager.get(4), "held between");
        List<String> keeps = run.row("onDemand keepIdle(1024)");
        assertTrue(number(keeps.get(2)) <= 1, run::out);
        assertEquals("0", keeps.get(3), "REMOVEs between");
    }

    @Test
    void everyBlockIsSplitOnceWhoeverComesFirst() {
        LabRun run = run("split", "--tds", "2", "--memory", "32M", "--strategy", "per2M");
        List<String> cells = run.row("onDemand");
        assertEquals("32", cells.get(3), "reserved splits");
        assertEquals("32", cells.get(5), "shared splits");
    }

    @Test
    void tortureNamesWhatIsLostAndFindsManagerAndModuleOfOneMind() {
        LabRun run =
                run("torture", "--tds", "2", "--memory", "8M", "--vcpus", "2", "--for", "300ms", "--failures", "2");
        assertEquals(0, run.exitCode(), () -> run.out() + run.err());
        long lost = 0;
        for (String row :
                List.of("onDemand global eager", "onDemand per2M keepIdle(16)", "populate per2M", "firstTd per2M")) {
            List<String> cells = run.row(row);
            assertTrue(number(cells.get(3)) > 0, row + ": calls failed");
            lost += number(cells.get(11));
        }
        assertTrue(lost == 0 || run.err().contains("answered TDX_"), "each has a line");
    }

    @Test
    void withoutFailuresTortureLosesNothing() {
        LabRun run = run(
                "torture",
                "--tds",
                "2",
                "--memory",
                "8M",
                "--vcpus",
                "2",
                "--for",
                "300ms",
                "--failures",
                "0",
                "--policy",
                "onDemand,populate");
        assertEquals(0, run.exitCode(), () -> run.out() + run.err());
        assertEquals("", run.err());
        List<String> cells = run.row("onDemand per2M eager");
        assertEquals(List.of("0", "0", "0"), cells.subList(11, 14), "lost pages, lost pairs, pairs left");
    }

    @Test
    void theJsonFileHasARowForEachRowAndNamesForEachColumn() throws IOException {
        Path file = directory.resolve("policies.json");
        LabRun run =
                run("policies", "--tds", "1", "--memory", "4M", "--policy", "onDemand,lazy", "--json", file.toString());
        assertEquals(0, run.exitCode(), run::err);
        String json = Files.readString(file);
        assertTrue(json.contains("\"experiment\" : \"policies\""), json);
        assertEquals(3, json.split("\"pairBytesPeak\"", -1).length - 1, json);
        assertTrue(json.contains("\"policy\" : \"lazy\""), json);
    }

    @Test
    void aFragmentedHostServesAsWell() {
        LabRun run =
                run("policies", "--fragmented", "100", "--tds", "2", "--memory", "8M", "--policy", "onDemand,striped");
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().contains("100 % of it cannot be given in 2M chunks"), run::out);
        assertEquals("0", run.row("onDemand eager").get(8), "no chunk, no 2M page");
    }

    @Test
    void aServersMapComesWithTheLab() {
        LabRun run = LabRun.of(
                "policies",
                "--memory-map",
                "server:tdx-256gb-many-holes",
                "--tds",
                "1",
                "--memory",
                "2M",
                "--policy",
                "onDemand");
        assertEquals(0, run.exitCode(), run::err);
        assertTrue(run.out().contains("memory map  server:tdx-256gb-many-holes: "), run::out);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "policies --policy eager    | there is no policy eager; there are: onDemand, septAtTopUp",
                "policies --reclaim onDemand | --reclaim",
                "policies --fragmented 101  | --fragmented is a percentage, 0 to 100, not 101",
                "policies --memory 3M       | a multiple of 2M",
                "policies --backing 2g      | '2g' is no backing; there are 4k, 2m and 1g",
                "policies --memory-map server:none | there is no server none; there are: tdx-1tb",
                "policies --memory-map synthetic:1G | a synthetic map has 4G to 32T",
                "neighbour --tds 1          | a neighbour needs a victim: at least 2 TDs, not 1",
                "torture --for 3            | '3' is no time; write 500ms, 60s or 5m",
                "torture --failures 101     | --failures is a percentage, 0 to 100, not 101",
                "policies --backend-option max-pa=3 | max-pa",
            })
    void badValuesAreRefusedWithTheValueAndTheRule(String options, String message) {
        LabRun run = LabRun.of(options.strip().split(" ", -1));
        assertEquals(2, run.exitCode(), run::out);
        assertTrue(run.err().contains(message), run::err);
        assertFalse(run.err().contains("\tat "), "no stack trace");
    }

    private static long number(String cell) {
        return Long.parseLong(cell.replace(",", ""));
    }
}
