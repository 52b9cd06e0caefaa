package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
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

class ReplayCommandTest {
    @TempDir
    private Path directory;

    private Path placement(String... runs) throws IOException {
        List<String> lines = new ArrayList<>(List.of("pamt-placement 1", "process guest (pid 42)"));
        lines.addAll(List.of(runs));
        return Files.write(directory.resolve("placement"), lines);
    }

    /** 4K pages in three regions, one of them full, and three regions that are huge pages; in four gigabytes far apart. */
    private Path guest() throws IOException {
        return placement(
                "4k 0x100200000 512",
                "4k 0x40000000 1",
                "thp-2m 0x140000000 1",
                "4k 0x4003ff000 1",
                "hugetlb-2m 0x400400000 2",
                "4k 0x40001000 1",
                "end 2051");
    }

    @Test
    void asManyPairsAreInstalledAsWereMeasured() throws IOException {
        LabRun run = LabRun.of("replay", guest().toString());
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("", run.err());
        assertTrue(
                run.out()
                        .contains(
                                "replay      515 pages of 4K and 3 regions that are huge pages; 3 page pairs measured"),
                run::out);
        List<String> rows = run.out()
                .lines()
                .dropWhile(line -> !line.startsWith("---"))
                .skip(1)
                .takeWhile(line -> !line.isEmpty())
                .toList();
        assertEquals(6, rows.size(), run::out);
        for (String row : rows) {
            List<String> cells = List.of(row.split(" {2,}", -1));
            assertEquals("3", cells.get(2), row);
            assertEquals("24 KiB", cells.get(3), row);
            assertEquals("3", cells.get(4), row);
            boolean eager = cells.get(1).equals("eager");
            assertEquals(eager ? "3" : "0", cells.get(5), row);
            assertEquals(eager ? "0" : "3", cells.get(6), row);
            int transitions = eager ? 6 : 3;
            int mappings = 6;
            assertTrue(Integer.parseInt(cells.get(7)) >= transitions + mappings, row);
        }
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 120), run::out);
    }

    @Test
    void strategiesAndPoliciesAreChosenByName() throws IOException {
        LabRun run = LabRun.of(
                "replay",
                guest().toString(),
                "--strategy",
                "per2M,hashed:4",
                "--reclaim",
                "keepIdle:1",
                "--reclaim=eager");
        assertEquals(0, run.exitCode(), run::err);
        List<String> firsts = run.out()
                .lines()
                .dropWhile(line -> !line.startsWith("---"))
                .skip(1)
                .takeWhile(line -> !line.isEmpty())
                .map(line -> String.join(" ", List.of(line.split(" {2,}", -1)).subList(0, 2)))
                .toList();
        assertEquals(List.of("per2M keepIdle(1)", "per2M eager", "hashed(4) keepIdle(1)", "hashed(4) eager"), firsts);
    }

    @Test
    void aPlacementAllOverTheAddressSpaceFits() throws IOException {
        List<String> runs = new ArrayList<>();
        for (int i = 1; i <= 100; i++) {
            runs.add("4k 0x" + Long.toHexString(i * (7L << 30)) + " 1");
        }
        runs.add("end 100");
        LabRun run = LabRun.of(
                "replay",
                placement(runs.toArray(String[]::new)).toString(),
                "--strategy",
                "per2M",
                "--reclaim",
                "eager");
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("100", run.row("per2M").get(2));
    }

    @Test
    void aProcessWithoutPagesNeedsNothing() throws IOException {
        LabRun run = LabRun.of("replay", placement("end 0").toString(), "--strategy", "per2M", "--reclaim", "eager");
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("0", run.row("per2M").get(2));
    }

    @Test
    void aModuleThatKeepsItsPairsIsAFinding() throws IOException {
        LabRun run = LabRun.of(
                "replay", guest().toString(), "--backend", "leaky", "--strategy", "per2M", "--reclaim", "eager");
        assertEquals(1, run.exitCode(), run::out);
        assertTrue(run.err().contains("per2M, eager: "), run::err);
        assertTrue(run.err().contains("3 page pairs installed after the last put"), run::err);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "/no/such/file      | cannot read the placement: there is no /no/such/file",
                "%s --strategy fair | 'fair' is no lock strategy; there are global",
                "%s --reclaim never | 'never' is no reclaim policy; there are",
                "%s --rounds 0      | --rounds: each strategy and policy runs at least once, not 0 times",
                "%s --backend none  | no SEAMCALL backend is named 'none'",
            })
    void badOptionsAreRefused(String options, String message) throws IOException {
        List<String> args = new ArrayList<>(List.of("replay"));
        args.addAll(List.of(String.format(options.strip(), guest()).split(" ", -1)));
        LabRun run = LabRun.of(args.toArray(String[]::new));
        assertEquals(2, run.exitCode(), run::out);
        assertTrue(run.err().contains(message), run::err);
    }

    @Test
    void memoryThatDynamicPamtCannotReachIsWrongUsage() throws IOException {
        Path high = placement("4k 0x1000000000000 1", "end 1");
        LabRun run = LabRun.of("replay", high.toString());
        assertEquals(2, run.exitCode(), run::out);
        assertTrue(run.err().contains("Dynamic PAMT needs memory below 2^48"), run::err);
    }
}
