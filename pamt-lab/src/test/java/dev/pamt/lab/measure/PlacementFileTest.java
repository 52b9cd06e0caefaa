package dev.pamt.lab.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlacementFileTest {
    private static final List<String> LINES = List.of(
            "pamt-placement 1",
            "process guest (pid 42)",
            "taken 2026-12-01T04:00:00Z",
            "read-from pagemap and kpageflags",
            "swapped 3",
            "left-out 2",
            "4k 0x5000000 2",
            "thp-2m 0x4000000 2",
            "4k-whole 0x4c00000 512",
            "hugetlb-2m 0x4400000 1",
            "hugetlb-1g 0x40000000 512",
            "end 264194");

    @TempDir
    private Path directory;

    private Path file(List<String> lines) throws IOException {
        return Files.write(directory.resolve("placement"), lines);
    }

    @Test
    void whatIsWrittenIsWhatWasRead() throws IOException {
        Placement placement = PlacementFile.read(file(LINES));
        assertEquals("guest (pid 42)", placement.origin().process());
        assertEquals(3, placement.origin().swappedPages());
        assertEquals(2, placement.use().pairs());
        assertEquals(1, placement.use().pairsWithHugePages());
        Path copy = directory.resolve("copy");
        PlacementFile.write(copy, placement);
        assertEquals(LINES, Files.readAllLines(copy));
        assertTrue(PlacementFile.isOne(copy));
        assertFalse(PlacementFile.isOne(Files.writeString(directory.resolve("other"), "pamt")));
    }

    @Test
    void commentsAndBlankLinesSayNothing() throws IOException {
        Path file = file(List.of("# by hand", "", "pamt-placement 1", "4k 0x5000000 1", "# the last", "end 1", ""));
        assertEquals(1, PlacementFile.read(file).use().totalPages());
    }

    @Test
    void aRunOfMoreThanEightGigabytesIsOneLineOrSeveral() throws IOException {
        Path file = file(List.of("pamt-placement 1", "hugetlb-1g 0x40000000 8192", "end 4194304"));
        Placement placement = PlacementFile.read(file);
        assertEquals(8192, placement.use().largeRegions());
        PlacementFile.write(file, placement);
        assertEquals(8192, PlacementFile.read(file).use().largeRegions());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "pamt-placement 2           | line 1: placement files of version 1 can be read, not of version '2'",
                "pamt-vectors 1             | line 1: a placement file begins with 'pamt-placement 1'",
                "pamt-placement 1           | line 2: the last line is 'end PAGES'",
                "pamt-placement 1;end 1     | line 2: the lines above have 0 pages of 4K, not 1",
                "pamt-placement 1;end 0;end 0 | line 3: nothing follows the line 'end'",
                "pamt-placement 1;8k 0x100000 1 | line 2: '8k' is no backing; the backings are 4k, 4k-whole, thp-2m,",
                "pamt-placement 1;4k 0x100000 | line 2: a run of pages is '4k HPA COUNT'",
                "pamt-placement 1;4k 0x100800 1 | line 2: an address is 0x and up to 13 hexadecimal digits, a multiple of 0x1000 for 4k; '0x100800' is not",
                "pamt-placement 1;thp-2m 0x101000 1 | a multiple of 0x200000 for thp-2m; '0x101000' is not",
                "pamt-placement 1;4k 100000 1 | '100000' is not",
                "pamt-placement 1;4k 0x100000 0 | a run has at least 1 page and ends below 2^52; 0 from 0x100000 on do not",
                "pamt-placement 1;4k 0xffffffffff000 2 | ends below 2^52; 2 from 0xffffffffff000 on do not",
                "pamt-placement 1;4k 0x100000 -1 | a count is a whole number of up to 15 digits, not '-1'",
                "pamt-placement 1;4k 0xff000 1 | no process has pages in the first MiB; 0xff000 lies there",
                "pamt-placement 1;4k 0x100000 2;4k 0x101000 1 | line 3: each page occurs once; 0x101000 occurred before",
                "pamt-placement 1;4k 0x401000 1;thp-2m 0x400000 1 | line 3: each page occurs once; 0x400000 occurred before",
                "pamt-placement 1;thp-2m 0x400000 1;4k 0x401000 1 | line 3: each page occurs once; 0x401000 occurred before",
            })
    void aMistakeIsNamedWithItsLineAndTheRule(String lines, String message) throws IOException {
        Path file = file(List.of(lines.split(";", -1)));
        IllegalArgumentException refused = assertThrows(IllegalArgumentException.class, () -> PlacementFile.read(file));
        assertTrue(refused.getMessage().startsWith(file + ", line "), refused::getMessage);
        assertTrue(refused.getMessage().contains(message), refused::getMessage);
    }
}
