package dev.pamt.lab.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void sizesTimesAndCountsAreShort() {
        assertEquals("0 B", Text.bytes(0));
        assertEquals("8 KiB", Text.bytes(8192));
        assertEquals("41.4 MiB", Text.bytes(43_411_046));
        assertEquals("0", Text.time(0));
        assertEquals("1.5 us", Text.time(1500));
        assertEquals("2.0 ms", Text.time(2_000_000));
        assertEquals("12.3 s", Text.time(12_345_000_000L));
        assertEquals("2,621,440", Text.count(2_621_440));
        assertEquals("1 TD", Text.count(1, "TD"));
        assertEquals("10 TDs", Text.count(10, "TD"));
    }

    @Test
    void columnsOfATableAreAligned() {
        TextTable table = new TextTable("\nname", "pages\nper s", "\nleaks");
        table.row("global", "1,000", "0");
        table.row("x", "7", "10");
        assertEquals(
                List.of(
                        "        pages",
                        "name    per s  leaks",
                        "--------------------",
                        "global  1,000      0",
                        "x           7     10"),
                table.lines());
    }
}
