package dev.pamt.seamcall.conformance;

/**
 * Something that a backend does otherwise than the recorded module did. Immutable and thread-safe.
 *
 * @param file the recording
 * @param line the line of the recording, from 1
 * @param n the number of the call in the recording; -1 if the line has none
 * @param leaf the leaf, or the event of the harness
 * @param register what differs: a register in lower case, or a part of the module's state
 * @param expected what was recorded
 * @param got what the backend did
 */
public record Difference(String file, int line, long n, String leaf, String register, String expected, String got) {
    /** One line of text. */
    @Override
    public String toString() {
        String place = n < 0 ? "line " + line : "n " + n;
        return String.format("%s  %s  %s  %s  expected %s  got %s", file, place, leaf, register, expected, got);
    }
}
