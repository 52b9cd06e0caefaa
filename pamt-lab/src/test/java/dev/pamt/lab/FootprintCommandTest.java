package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FootprintCommandTest {
    @Test
    void guestsAreCountedForEachMapping() {
        LabRun run = LabRun.of("footprint", "--memory", "8G", "--tds", "1,2", "--check", "1G", "--no-hosts");
        assertEquals(0, run.exitCode(), run::err);
        assertEquals("", run.err());
        List<List<String>> rows = run.out()
                .lines()
                .dropWhile(line -> !line.startsWith("---"))
                .skip(1)
                .takeWhile(line -> !line.isEmpty())
                .map(line -> List.of(line.split(" {2,}", -1)))
                .toList();
        assertEquals(
                List.of("1G", "2M", "4K", "1G", "2M", "4K"),
                rows.stream().map(row -> row.get(2)).toList());
        assertEquals("1", rows.get(0).get(4));
        assertEquals("1", rows.get(1).get(4));
        long smallPairs = Long.parseLong(rows.get(2).get(4).replace(",", ""));
        assertTrue(smallPairs > 4096 && smallPairs < 4096 + 16, run::out);
        assertEquals("32.1 MiB", rows.get(2).get(9));
        assertTrue(run.out().contains("check       a TD of 1 GiB mapped as 4K: 5"), run::out);
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 130), run::out);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--memory 512M         | the memory of a TD is a multiple of 1G, from 1G to 128T; 536870912 bytes are not",
                "--memory 129T         | from 1G to 128T",
                "--tds 0               | --tds: there is at least 1 TD, not 0",
                "--tds 40 --memory 8T  | need memory above 2^48",
                "--tds 30 --memory 8T  | of the Java heap of",
                "--vcpus 0             | a TD has 1 to 4096 vCPUs, not 0",
                "--check 1K            | 1024 bytes are not",
            })
    void badValuesAreRefusedWithTheValueAndTheRule(String options, String message) {
        List<String> args = new ArrayList<>(List.of("footprint"));
        args.addAll(List.of(options.strip().split(" ", -1)));
        LabRun run = LabRun.of(args.toArray(String[]::new));
        assertEquals(2, run.exitCode(), run::out);
        assertTrue(run.err().contains(message), run::err);
    }
}
