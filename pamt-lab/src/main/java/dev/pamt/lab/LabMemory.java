package dev.pamt.lab;

import dev.pamt.api.MemoryMap;
import dev.pamt.lab.report.Text;
import dev.pamt.seamcall.PhysicalRange;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.TypeConversionException;

/**
 * The memory map of an experiment, and where it comes from.
 *
 * @param map the map
 * @param source what it is, such as {@code /proc/iomem of this host}
 * @param instead why it is not the one that was asked for; empty if it is
 */
record LabMemory(MemoryMap map, String source, String instead) {
    static final String HOST = "host";
    static final String SYNTHETIC = "synthetic";

    private static final String IOMEM = "/proc/iomem";

    private static final String SYNTHETIC_SIZE = SYNTHETIC + ":";
    private static final String SERVER = "server:";
    private static final List<String> SERVERS = List.of("tdx-1tb", "tdx-256gb-many-holes", "server-768gb");

    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    /** A map of more bytes than this is none: the longest boot logs have a few hundred thousand. */
    private static final long MAX_FILE_BYTES = 64L << 20;

    /** The map of an option; anything that cannot be read is replaced by the synthetic map, and says why. */
    static LabMemory of(String option) {
        return switch (option) {
            case SYNTHETIC -> synthetic("");
            case HOST -> host();
            default -> {
                if (option.startsWith(SYNTHETIC_SIZE)) {
                    yield ofSize(option);
                }
                yield option.startsWith(SERVER) ? server(option) : read(option, option);
            }
        };
    }

    /** RAM of a size, with a hole below 4 GiB. */
    private static LabMemory ofSize(String option) {
        long bytes;
        try {
            bytes = new SizeConverter().convert(option.substring(SYNTHETIC_SIZE.length()));
        } catch (TypeConversionException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        if (bytes < 4 * GIB || bytes % (2 * MIB) != 0 || bytes > 1L << 45) {
            throw new IllegalArgumentException(
                    "a synthetic map has 4G to 32T, in multiples of 2M; " + option + " has " + bytes + " bytes");
        }
        MemoryMap map = MemoryMap.of(
                List.of(PhysicalRange.between(MIB, 2 * GIB), PhysicalRange.between(4 * GIB, bytes + 2 * GIB)));
        return new LabMemory(map, option, "");
    }

    /** The map of a server that comes with the lab. */
    private static LabMemory server(String option) {
        String name = option.substring(SERVER.length());
        if (!SERVERS.contains(name)) {
            throw new IllegalArgumentException(
                    "there is no server " + name + "; there are: " + String.join(", ", SERVERS));
        }
        try (InputStream log = LabMemory.class.getResourceAsStream("hosts/" + name + ".dmesg")) {
            List<String> lines = new String(log.readAllBytes(), StandardCharsets.ISO_8859_1)
                    .lines()
                    .toList();
            return new LabMemory(MemoryMap.parse(lines, option), option, "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is used if nothing is asked for: this host's map where there is one. */
    static LabMemory ofDefault() {
        return of(isLinux() ? HOST : SYNTHETIC);
    }

    static LabMemory synthetic(String instead) {
        return new LabMemory(MemoryMap.synthetic(), "synthetic", instead);
    }

    private static LabMemory host() {
        return isLinux()
                ? read(IOMEM, IOMEM + " of this host")
                : synthetic("only Linux has " + IOMEM + ", this is " + System.getProperty("os.name"));
    }

    private static LabMemory read(String file, String source) {
        try {
            Path path = Path.of(file);
            if (Files.isDirectory(path)) {
                return synthetic(file + ": it is a directory");
            }
            if (Files.size(path) > MAX_FILE_BYTES) {
                return synthetic(file + ": it has more than " + Text.bytes(MAX_FILE_BYTES));
            }
            // Every byte is a character in this encoding, so that a file of anything can be looked at.
            List<String> lines = Files.readAllLines(path, StandardCharsets.ISO_8859_1);
            return new LabMemory(MemoryMap.parse(lines, file), source, "");
        } catch (NoSuchFileException e) {
            return synthetic(file + ": there is no such file");
        } catch (AccessDeniedException e) {
            return synthetic(file + ": it may not be read by this user");
        } catch (IOException e) {
            return synthetic(file + ": " + e.getMessage());
        } catch (IllegalArgumentException e) {
            return synthetic(e.getMessage());
        }
    }

    private static boolean isLinux() {
        return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux");
    }

    /** What it is, and how much RAM. */
    String describe() {
        int ranges = map.ram().size();
        return String.format(
                "%s: %s of RAM in %s up to 0x%x",
                source, Text.bytes(map.ramBytes()), Text.count(ranges, "range"), map.endHpa());
    }
}
