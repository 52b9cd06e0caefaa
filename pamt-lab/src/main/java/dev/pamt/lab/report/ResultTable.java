package dev.pamt.lab.report;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The results of an experiment: rows of named values, as a table for people and as JSON for machines.
 *
 * <p><b>Thread-safety:</b> none.
 */
public final class ResultTable {
    /**
     * A column.
     *
     * @param name the name in the JSON file
     * @param heading the heading; a line break separates its two lines
     * @param meaning what it is, for the legend
     */
    public record Column(String name, String heading, String meaning) {}

    /**
     * A value, and how people read it.
     *
     * @param value a text, a whole number or a number
     * @param text the text in the table
     */
    public record Cell(Object value, String text) {
        /**
         * A text.
         *
         * @param text the text
         * @return the cell
         */
        public static Cell text(String text) {
            return new Cell(text, text);
        }

        /**
         * A count.
         *
         * @param count how many
         * @return the cell
         */
        public static Cell count(long count) {
            return new Cell(count, Text.count(count));
        }

        /**
         * A size.
         *
         * @param bytes bytes
         * @return the cell
         */
        public static Cell bytes(long bytes) {
            return new Cell(bytes, Text.bytes(bytes));
        }

        /**
         * A time.
         *
         * @param nanos nanoseconds
         * @return the cell
         */
        public static Cell time(long nanos) {
            return new Cell(nanos, Text.time(nanos));
        }
    }

    private final List<Column> columns;
    private final List<List<Cell>> rows = new ArrayList<>();

    /**
     * Makes a table without rows.
     *
     * @param columns its columns
     */
    public ResultTable(List<Column> columns) {
        this.columns = List.copyOf(columns);
    }

    /**
     * Adds a row.
     *
     * @param cells a cell for each column
     * @throws IllegalArgumentException if there are too few cells, or too many
     */
    public void row(List<Cell> cells) {
        if (cells.size() != columns.size()) {
            throw new IllegalArgumentException("a row has " + columns.size() + " cells, not " + cells.size());
        }
        rows.add(List.copyOf(cells));
    }

    /**
     * The table.
     *
     * @return lines
     */
    public List<String> lines() {
        TextTable table = new TextTable(columns.stream().map(Column::heading).toArray(String[]::new));
        rows.forEach(row -> table.row(row.stream().map(Cell::text).toArray(String[]::new)));
        return table.lines();
    }

    /**
     * What the columns mean.
     *
     * @return lines
     */
    public List<String> legend() {
        int width = columns.stream()
                .mapToInt(column -> column.heading().replace('\n', ' ').strip().length())
                .max()
                .orElse(0);
        return columns.stream()
                .filter(column -> !column.meaning().isEmpty())
                .map(column -> {
                    String heading = column.heading().replace('\n', ' ').strip();
                    return heading + " ".repeat(width - heading.length()) + "  " + column.meaning();
                })
                .toList();
    }

    /**
     * Writes facts about the run and the rows as JSON. A reader of the file finds the old one or all of the new one.
     *
     * @param file where to write
     * @param labVersion the version of the program
     * @param facts names and texts or numbers
     * @throws IOException if that fails
     */
    public void write(Path file, String labVersion, Map<String, Object> facts) throws IOException {
        JsonFile.write(file, labVersion, json -> {
            for (Map.Entry<String, Object> fact : facts.entrySet()) {
                json.writeFieldName(fact.getKey());
                write(json, fact.getValue());
            }
            json.writeArrayFieldStart("rows");
            for (List<Cell> row : rows) {
                json.writeStartObject();
                for (int i = 0; i < row.size(); i++) {
                    json.writeFieldName(columns.get(i).name());
                    write(json, row.get(i).value());
                }
                json.writeEndObject();
            }
            json.writeEndArray();
        });
    }

    private static void write(JsonGenerator json, Object value) throws IOException {
        if (value instanceof Long number) {
            json.writeNumber(number);
        } else if (value instanceof Integer number) {
            json.writeNumber(number);
        } else if (value instanceof Double number) {
            json.writeNumber(number);
        } else {
            json.writeString(value.toString());
        }
    }
}
