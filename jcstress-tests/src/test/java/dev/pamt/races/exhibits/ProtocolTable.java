package dev.pamt.races.exhibits;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The table of {@code docs/protocols.md}: what is written there is what the tests expect. */
final class ProtocolTable {
    /** How a protocol fares in a race. */
    enum Verdict {
        HOLDS("holds"),
        BREAKS("**breaks**"),
        NOT_APPLICABLE("–");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        static Verdict of(String cell) {
            return Stream.of(values())
                    .filter(verdict -> verdict.text.equals(cell))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("a cell of the table of protocols says '" + cell + "'"));
        }
    }

    private static final Path DOCUMENT = Path.of("..", "docs", "protocols.md");

    private final Map<Row, Map<Race, Verdict>> cells = new EnumMap<>(Row.class);

    private ProtocolTable() {}

    static ProtocolTable read() {
        ProtocolTable table = new ProtocolTable();
        List<List<String>> lines = tableLines();
        List<String> head = lines.get(0);
        for (Row row : Row.values()) {
            List<String> line = lines.stream()
                    .filter(cells -> cells.get(0).equals(row.title))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("the table of protocols has no line '" + row.title + "'"));
            Map<Race, Verdict> verdicts = new EnumMap<>(Race.class);
            for (Race race : Race.values()) {
                verdicts.put(race, Verdict.of(line.get(head.indexOf(race.name()))));
            }
            table.cells.put(row, verdicts);
        }
        return table;
    }

    Verdict verdict(Row row, Race race) {
        return cells.get(row).get(race);
    }

    private static List<List<String>> tableLines() {
        try (Stream<String> lines = Files.lines(DOCUMENT)) {
            return lines.dropWhile(line -> !line.startsWith("| protocol "))
                    .takeWhile(line -> line.startsWith("|"))
                    .map(line -> Stream.of(line.split("\\|", -1))
                            .skip(1)
                            .map(String::strip)
                            .toList())
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
