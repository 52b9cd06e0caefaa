package dev.pamt.lab.report;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file that is complete or not there: a reader finds the old one or all of the new one. */
public final class ReportFile {
    private ReportFile() {}

    /** What writes the contents. */
    @FunctionalInterface
    public interface Contents {
        /**
         * Writes the contents.
         *
         * @param writer where to
         * @throws IOException if that fails
         */
        void write(Writer writer) throws IOException;
    }

    /**
     * Writes a file.
     *
     * @param file where to write
     * @param contents what
     * @throws IOException if that fails
     */
    public static void write(Path file, Contents contents) throws IOException {
        Path target = file.toAbsolutePath();
        // Not createTempFile: only its owner could read what that makes.
        Path temporary = target.resolveSibling(
                target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
        try {
            try (Writer writer = Files.newBufferedWriter(temporary, StandardCharsets.UTF_8)) {
                contents.write(writer);
            }
            try {
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(temporary, target, StandardCopyOption.REPLACE_EXISTING);
            }
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
