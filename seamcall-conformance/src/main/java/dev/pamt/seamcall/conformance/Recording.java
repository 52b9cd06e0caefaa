package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.conformance.Line.RecordedRace;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * A recording of the real module: JSON objects, one a line ({@code docs/vectors.md}).
 *
 * <p>Immutable and thread-safe.
 */
public final class Recording {
    private static final String PLAIN = ".jsonl";
    private static final String PACKED = ".jsonl.gz";
    private static final String LITMUS = "litmus";

    /** The recordings in this jar; a jar cannot be listed. */
    private static final List<String> SHIPPED = List.of(
            "accept_01",
            "accept_02_rnd",
            "add_01_input_checks",
            "add_02_pair_pages",
            "add_04_maxpa48_hkid44",
            "locks_01_add_remove",
            "nd_1g_shared",
            "nd_accepted_shared",
            "nd_bringup42_shared",
            "nd_deep_shared",
            "nd_enter_shared",
            "nd_fuzz_mem_shared",
            "nd_fuzz_td_shared",
            "nd_guest_shared",
            "nd_hint_shared",
            "nd_l2_shared",
            "nd_locks_shared",
            "nd_multi4pkg_shared",
            "nd_params_shared",
            "nd_plat_p40w3_shared",
            "nd_plat_p46w8_shared",
            "nd_state2pkg_shared",
            "nd_static_deep_shared",
            "nd_sysconfig_shared",
            "nd_tdmrinit_shared",
            "nd_vcpu_shared",
            "nd_walk46_shared",
            "remove_01_input_checks",
            "remove_02_contents_and_stale",
            "rnd_01_tiny",
            "rnd_04_in_use",
            "rnd_06_locks_tiny",
            "rnd_07_td_small",
            "state_01_partially_initialized",
            "static_01_dynamic_pamt_off",
            "static_02_td",
            "sysconfig_01_tdmr_checks",
            "sysrd_01_pamt_fields",
            "td_01_create_addcx_reclaim",
            "td_03_demote_promote",
            "td_05_l2");

    private final String name;
    private final Header header;
    private final List<Line> lines;

    private Recording(String name, Header header, List<Line> lines) {
        this.name = name;
        this.header = header;
        this.lines = List.copyOf(lines);
    }

    /**
     * Reads a recording.
     *
     * @param file a file of lines of JSON, {@code .jsonl}, or packed by gzip, {@code .jsonl.gz}
     * @return the recording
     * @throws IOException if the file cannot be read or is no recording; the message says where
     */
    public static Recording read(Path file) throws IOException {
        try (InputStream stream = Files.newInputStream(file)) {
            String name = file.getFileName().toString();
            return read(name, name.endsWith(".gz") ? new GZIPInputStream(stream) : stream);
        }
    }

    /**
     * Reads the recordings of a directory, in the order of their names.
     *
     * @param fileOrDirectory a directory, of which every {@code .jsonl} and {@code .jsonl.gz} file is read, or a file
     * @return the recordings; at least one
     * @throws IOException if one of them cannot be read or is no recording, or there are none
     */
    public static List<Recording> readAll(Path fileOrDirectory) throws IOException {
        if (!Files.isDirectory(fileOrDirectory)) {
            return List.of(read(fileOrDirectory));
        }
        List<Path> files;
        try (Stream<Path> entries = Files.list(fileOrDirectory)) {
            files = entries.filter(Recording::isRecording).sorted().toList();
        }
        if (files.isEmpty()) {
            throw new IOException(fileOrDirectory + " has no " + PLAIN + " and no " + PACKED + " file");
        }
        List<Recording> read = new ArrayList<>();
        for (Path file : files) {
            read.add(read(file));
        }
        return read;
    }

    private static boolean isRecording(Path file) {
        String name = file.getFileName().toString();
        return Files.isRegularFile(file) && (name.endsWith(PLAIN) || name.endsWith(PACKED));
    }

    /**
     * The recordings of call sequences that come with this library.
     *
     * @return the recordings, ordered by name
     */
    public static List<Recording> shipped() {
        return shippedNames().stream().map(Recording::shipped).toList();
    }

    /**
     * The names of the recordings of call sequences that come with this library, which need not all be in memory at once.
     *
     * @return the names, in their order, for {@link #shipped(String)}
     */
    public static List<String> shippedNames() {
        return SHIPPED;
    }

    /**
     * The recording of races that comes with this library.
     *
     * @return the recording, for {@link Litmus}
     */
    public static Recording shippedLitmus() {
        return shipped(LITMUS);
    }

    /**
     * A recording that comes with this library.
     *
     * @param name its name without an extension, such as {@code add_01_input_checks}
     * @return the recording
     * @throws IllegalArgumentException if there is none of that name
     */
    public static Recording shipped(String name) {
        try (InputStream stream = Recording.class.getResourceAsStream("vectors/" + name + PACKED)) {
            if (stream == null) {
                throw new IllegalArgumentException("no recording is named '" + name + "'");
            }
            return read(name + PACKED, new GZIPInputStream(stream));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Recording read(String name, InputStream stream) throws IOException {
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            String text = reader.readLine();
            if (text == null) {
                throw new IOException(name + " is empty");
            }
            Header header = understood(name, 1, text, Recording::headerOrNull);
            LineParser parser = new LineParser(header);
            List<Line> lines = new ArrayList<>();
            for (int number = 1; text != null; number++, text = reader.readLine()) {
                if (number > 1 || header == null) {
                    int at = number;
                    lines.add(understood(name, at, text, line -> parser.parse(at, line)));
                }
            }
            return new Recording(name, header, lines);
        }
    }

    private static Header headerOrNull(JsonValue line) {
        return MachineParser.isHeader(line) ? MachineParser.header(line) : null;
    }

    private static <T> T understood(String name, int number, String text, Function<JsonValue, T> parser)
            throws IOException {
        try {
            JsonValue line = JsonValue.parse(text);
            if (!line.isObject()) {
                throw new IOException("no JSON object");
            }
            return parser.apply(line);
        } catch (IOException | IllegalArgumentException e) {
            throw new IOException(name + ", line " + number + " cannot be understood: " + e.getMessage(), e);
        }
    }

    /**
     * The name of the file.
     *
     * @return the name without its directory
     */
    public String name() {
        return name;
    }

    /**
     * Whether this is a recording of races, for {@link Litmus}, rather than of a call sequence.
     *
     * @return true for a recording of races
     */
    public boolean isLitmus() {
        return races().findAny().isPresent();
    }

    /**
     * The names of the races in a recording of races.
     *
     * @return the names, in the order of the file
     */
    public List<String> litmusNames() {
        return races().map(RecordedRace::name).toList();
    }

    /** The races, if it is a recording of races. */
    Stream<RecordedRace> races() {
        return lines.stream().filter(RecordedRace.class::isInstance).map(RecordedRace.class::cast);
    }

    /** All lines after the header. */
    List<Line> lines() {
        return lines;
    }

    /** The first line, which says what machine the recording was made on; null if each line has a machine of its own. */
    Header header() {
        return header;
    }

    @Override
    public String toString() {
        return name;
    }
}
