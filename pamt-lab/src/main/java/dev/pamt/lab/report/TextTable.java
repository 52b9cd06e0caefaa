package dev.pamt.lab.report;

import java.util.ArrayList;
import java.util.List;

/**
 * A table of text with headings of two lines; the first column is aligned left, the others right.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class TextTable {
    private static final String GAP = "  ";

    private final List<String[]> rows = new ArrayList<>();
    private final int columns;

    /** Makes a table; a line break in a heading separates its two lines. */
    TextTable(String... headings) {
        columns = headings.length;
        String[] upper = new String[columns];
        String[] lower = new String[columns];
        for (int i = 0; i < columns; i++) {
            int lineBreak = headings[i].indexOf('\n');
            upper[i] = lineBreak < 0 ? "" : headings[i].substring(0, lineBreak);
            lower[i] = headings[i].substring(lineBreak + 1);
        }
        rows.add(upper);
        rows.add(lower);
    }

    void row(String... cells) {
        if (cells.length != columns) {
            throw new IllegalArgumentException("a row has " + columns + " cells, not " + cells.length);
        }
        rows.add(cells.clone());
    }

    List<String> lines() {
        int[] widths = new int[columns];
        for (String[] row : rows) {
            for (int i = 0; i < columns; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        List<String> lines = new ArrayList<>();
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                String padding = " ".repeat(widths[i] - row[i].length());
                line.append(i == 0 ? row[i] + padding : GAP + padding + row[i]);
            }
            lines.add(line.toString().stripTrailing());
        }
        lines.add(2, "-".repeat(lines.stream().mapToInt(String::length).max().orElse(0)));
        return lines;
    }
}
