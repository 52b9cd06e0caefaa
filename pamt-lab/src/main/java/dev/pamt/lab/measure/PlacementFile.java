package dev.pamt.lab.measure;

import dev.pamt.lab.io.WholeFile;
import dev.pamt.seamcall.PhysicalRange;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Placements as text files, format version 1; docs/lab.md describes it.
 *
 * <p>Stateless; any thread may use it.
 */
public final class PlacementFile {
    /** The version of the format that is written, and the only one that is read. */
    public static final int VERSION = 1;

    private static final String MAGIC = "pamt-placement";
    private static final String PROCESS = "process";
    private static final String TAKEN = "taken";
    private static final String READ_FROM = "read-from";
    private static final String SWAPPED = "swapped";
    private static final String LEFT_OUT = "left-out";
    private static final String END = "end";

    private PlacementFile() {}

    /**
     * Writes a placement.
     *
     * @param file the file, complete or not there
     * @param placement the placement
     * @throws IOException if that fails
     */
    public static void write(Path file, Placement placement) throws IOException {
        WholeFile.write(file, writer -> write(writer, placement));
    }

    private static void write(Writer writer, Placement placement) throws IOException {
        Origin origin = placement.origin();
        line(writer, MAGIC + " " + VERSION);
        line(writer, PROCESS + " " + origin.process());
        line(writer, TAKEN + " " + origin.taken());
        line(writer, READ_FROM + " " + origin.readFrom());
        line(writer, SWAPPED + " " + origin.swappedPages());
        line(writer, LEFT_OUT + " " + origin.leftOutPages());
        StringBuilder text = new StringBuilder();
        RunList runs = placement.runs();
        for (int run = 0; run < runs.size(); run++) {
            Backing backing = runs.backing(run);
            text.setLength(0);
            text.append(backing.word())
                    .append(" 0x")
                    .append(Long.toHexString(Pages.bytes(runs.page(run))))
                    .append(' ')
                    .append(runs.pages(run) / pagesOfUnit(backing));
            line(writer, text);
        }
        line(writer, END + " " + placement.use().totalPages());
    }

    private static void line(Writer writer, CharSequence text) throws IOException {
        writer.append(text).append('\n');
    }

    private static int pagesOfUnit(Backing backing) {
        return backing.isLarge() ? Pages.PER_REGION : 1;
    }

    /**
     * Whether a file begins as a placement file does.
     *
     * @param file a file
     * @return true if it does
     * @throws IOException if it cannot be read
     */
    public static boolean isOne(Path file) throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            char[] start = new char[MAGIC.length()];
            return reader.read(start) == start.length && MAGIC.equals(String.valueOf(start));
        }
    }

    /**
     * Reads a placement.
     *
     * @param file the file
     * @return the placement
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if it is no placement file; the message names the file, the line and the rule
     */
    public static Placement read(Path file) throws IOException {
        try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            return new Reader(file, reader).read();
        }
    }

    /** One file that is being read. */
    private static final class Reader {
        private final Path file;
        private final BufferedReader lines;
        private final RunList runs = new RunList();
        private final RegionMap regions = new RegionMap();
        private int lineNumber;
        private long totalPages;
        private String process = "an unnamed process";
        private String taken = "at an unknown time";
        private String readFrom = "an unknown source";
        private long swapped;
        private long leftOut;

        Reader(Path file, BufferedReader lines) {
            this.file = file;
            this.lines = lines;
        }

        Placement read() throws IOException {
            readVersion();
            for (String line = nextLine(); line != null; line = nextLine()) {
                String[] words = line.split(" ", 2);
                String rest = words.length > 1 ? words[1].strip() : "";
                if (words[0].equals(END)) {
                    readEnd(rest);
                    return Placement.of(new Origin(process, taken, readFrom, swapped, leftOut), runs, regions);
                }
                readLine(words[0], rest);
            }
            throw mistake("the last line is '" + END + " PAGES'; there is none, so the file is incomplete");
        }

        private void readVersion() throws IOException {
            String first = nextLine();
            if (first == null || !first.startsWith(MAGIC + " ")) {
                throw mistake("a placement file begins with '" + MAGIC + " " + VERSION + "'; this one does not");
            }
            String version = first.substring(MAGIC.length() + 1).strip();
            if (!version.equals(Integer.toString(VERSION))) {
                throw mistake(
                        "placement files of version " + VERSION + " can be read, not of version '" + version + "'");
            }
        }

        private void readEnd(String rest) throws IOException {
            if (number(rest) != totalPages) {
                throw mistake("the lines above have " + totalPages + " pages of 4K, not " + rest);
            }
            if (nextLine() != null) {
                throw mistake("nothing follows the line '" + END + "'");
            }
        }

        private void readLine(String word, String rest) {
            switch (word) {
                case PROCESS -> process = rest;
                case TAKEN -> taken = rest;
                case READ_FROM -> readFrom = rest;
                case SWAPPED -> swapped = number(rest);
                case LEFT_OUT -> leftOut = number(rest);
                default -> readRun(word, rest);
            }
        }

        private void readRun(String word, String rest) {
            Optional<Backing> backing = Backing.ofWord(word);
            if (backing.isEmpty()) {
                throw mistake("'" + word + "' is no backing; the backings are "
                        + Arrays.stream(Backing.values()).map(Backing::word).collect(Collectors.joining(", ")));
            }
            String[] fields = rest.split(" +", -1);
            if (fields.length != 2) {
                throw mistake("a run of pages is '" + word + " HPA COUNT', not '" + word + " " + rest + "'");
            }
            addRun(backing.get(), address(fields[0], backing.get()), number(fields[1]), fields);
        }

        private void addRun(Backing backing, long page, long count, String[] fields) {
            int unit = pagesOfUnit(backing);
            if (count < 1 || count > (Pages.END - page) / unit) {
                throw mistake("a run has at least 1 page and ends below 2^" + PhysicalRange.ADDRESS_BITS + "; "
                        + fields[1] + " from " + fields[0] + " on do not");
            }
            if (page < Pages.FIRST) {
                throw mistake("no process has pages in the first MiB; " + fields[0] + " lies there");
            }
            for (long next = page; next < page + count * unit; next += unit) {
                boolean isNew =
                        backing.isLarge() ? regions.addLarge(Pages.regionOf(next)) : regions.addSmall(next, backing);
                if (!isNew) {
                    throw mistake(
                            "each page occurs once; 0x" + Long.toHexString(Pages.bytes(next)) + " occurred before");
                }
            }
            runs.add(page, count * unit, backing);
            totalPages += count * unit;
        }

        private long address(String text, Backing backing) {
            long unitBytes = Pages.bytes(pagesOfUnit(backing));
            if (text.matches("0x[0-9a-f]{1,13}")) {
                long hpa = Long.parseLong(text, 2, text.length(), 16);
                if (hpa % unitBytes == 0) {
                    return hpa >> Pages.SHIFT;
                }
            }
            throw mistake("an address is 0x and up to 13 hexadecimal digits, a multiple of 0x"
                    + Long.toHexString(unitBytes) + " for " + backing.word() + "; '" + text + "' is not");
        }

        private long number(String text) {
            if (!text.matches("\\d{1,15}")) {
                throw mistake("a count is a whole number of up to 15 digits, not '" + text + "'");
            }
            return Long.parseLong(text);
        }

        /** The next line that says something, or null. */
        private String nextLine() throws IOException {
            String line;
            do {
                line = lines.readLine();
                lineNumber++;
            } while (line != null && (line.isBlank() || line.startsWith("#")));
            return line == null ? null : line.strip();
        }

        private IllegalArgumentException mistake(String rule) {
            return new IllegalArgumentException(file + ", line " + lineNumber + ": " + rule);
        }
    }
}
