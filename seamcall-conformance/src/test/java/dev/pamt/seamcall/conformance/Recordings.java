package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Recordings written as text, with {@code '} for every quotation mark, and what comes of replaying them. */
final class Recordings {
    private static final String REGISTERS =
            "'rcx': 0, 'rdx': 0, 'rbx': 0, 'rsi': 0, 'rdi': 0, 'r8': 0, 'r9': 0, 'r10': 0,"
                    + " 'r11': 0, 'r12': 0, 'r13': 0, 'r14': 0";

    /** A machine of four processors that is opened and no more; what is not listed is 0, and R15 0xca0d or 0xbeef. */
    static final String HEADER = "{'header': 1, 'bring_up': false, 'platform': {'num_lps': 4, 'num_pkgs': 1},"
            + " 'unlisted_regs': {" + REGISTERS + ", 'r15': '0xca0d'}, 'unlisted_guest_regs': {" + REGISTERS
            + ", 'r15': '0xbeef'}}";

    private Recordings() {}

    static Recording read(Path directory, String... lines) {
        Path file = directory.resolve("recording.jsonl");
        try {
            Files.writeString(file, String.join("\n", lines).replace('\'', '"'));
            return Recording.read(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A race without calls. */
    static String race(String name) {
        return "{'name': '" + name + "', 't1': [], 't2': [], 'regions': {}, 'watch': {}, 'setup': [], 'outcomes':"
                + " [{'t1': [], 't2': [], 'final': ''}], 'allowed_by_reading': []}";
    }

    /** What is said of a recording that makes no sense, which is when it is read. */
    static String mistake(Path directory, String... lines) {
        return assertThrows(UncheckedIOException.class, () -> read(directory, lines))
                .getCause()
                .getMessage();
    }

    /** What differs: the register, what was recorded, and what came. */
    static List<String> differences(ReplayResult result) {
        return result.differences().stream()
                .map(difference -> difference.register() + ": " + difference.expected() + ", " + difference.got())
                .toList();
    }

    /** What was skipped: how many lines from which line, and why. */
    static List<String> skips(ReplayResult result) {
        return result.skips().stream()
                .map(skip -> skip.lines() + " from " + skip.firstLine() + ": " + skip.reason())
                .toList();
    }

    /** Replays lines after the {@link #HEADER}. */
    static ReplayResult replay(Path directory, FakeMachine machine, String... lines) {
        String[] all = new String[lines.length + 1];
        all[0] = HEADER;
        System.arraycopy(lines, 0, all, 1, lines.length);
        return Conformance.of(machine::open).replay(read(directory, all));
    }
}
