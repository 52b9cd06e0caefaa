package dev.pamt.lab.io;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * Text files that are complete or not there: a reader finds the old one or all of the new one.
 *
 * <p>Stateless; any thread may use it.
 */
public final class WholeFile {
    private WholeFile() {}

    /**
     * Whether a file can be written: it is no directory, and its directory can be written to.
     *
     * @param file the file, which need not exist
     * @return true if it can
     */
    public static boolean isPossible(Path file) {
        Path directory = file.toAbsolutePath().getParent();
        return !Files.isDirectory(file) && directory != null && Files.isWritable(directory);
    }

    /**
     * Writes a file, or replaces it.
     *
     * @param file the file
     * @param content writes what is in it
     * @throws IOException if that fails; the old file is then as it was
     */
    public static void write(Path file, Content content) throws IOException {
        Path target = file.toAbsolutePath();
        // Not createTempFile: only its owner could read what that makes.
        Path temporary = target.resolveSibling(
                target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
        try {
            try (Writer writer = Files.newBufferedWriter(temporary, StandardCharsets.UTF_8)) {
                content.writeTo(writer);
            }
            move(temporary, target);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void move(Path temporary, Path target) throws IOException {
        try {
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    /** What is in a file. */
    @FunctionalInterface
    public interface Content {
        /**
         * Writes it.
         *
         * @param writer where to
         * @throws IOException if that fails
         */
        void writeTo(Writer writer) throws IOException;
    }
}
