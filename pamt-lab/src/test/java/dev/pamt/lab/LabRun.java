package dev.pamt.lab;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** One run of the program, and what it has printed. */
record LabRun(int exitCode, String out, String err) {
    static LabRun of(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Main.commandLine()
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(args);
        return new LabRun(exitCode, out.toString(), err.toString());
    }

    /** The cells of the row that begins with a text; cells are two blanks apart. */
    List<String> row(String first) {
        return List.of(out.lines()
                .filter(line -> line.startsWith(first + " "))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no row " + first + " in\n" + out))
                .split(" {2,}"));
    }
}
