package dev.pamt.lab;

import dev.pamt.lab.measure.Placement;
import dev.pamt.lab.measure.PlacementFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** Placement files of a command line. */
final class Placements {
    private Placements() {}

    /** Reads a placement file; wrong usage if it is none. */
    static Placement read(Path file, CommandLine command) {
        try {
            return PlacementFile.read(file);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command, e.getMessage());
        } catch (IOException e) {
            throw new ParameterException(
                    command,
                    "cannot read the placement: " + (Files.exists(file) ? e.getMessage() : "there is no " + file));
        }
    }
}
