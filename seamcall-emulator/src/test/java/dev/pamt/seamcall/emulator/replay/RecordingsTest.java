package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The emulator answers as the real module did, bit by bit: nothing is left out of the comparison, and nothing skipped. */
class RecordingsTest {
    /** Names: a recording is read by its own test, so that one alone costs no more than itself. */
    static List<String> recordings() {
        return Recording.shippedNames();
    }

    /** The recordings that are not in the kit's jar. */
    static List<Path> furtherRecordings() throws Exception {
        URL directory = RecordingsTest.class.getResource("/dev/pamt/seamcall/emulator/replay/nd_state_shared.jsonl.gz");
        try (Stream<Path> files = Files.list(Path.of(directory.toURI()).getParent())) {
            return files.filter(file -> file.toString().endsWith(".gz"))
                    .sorted()
                    .toList();
        }
    }

    @ParameterizedTest
    @MethodSource("recordings")
    void everyCallIsAnsweredAsRecorded(String recording) {
        assertReplays(Recording.shipped(recording));
    }

    @ParameterizedTest
    @MethodSource("furtherRecordings")
    void everyCallOfAFurtherRecordingIsAnsweredAsRecorded(Path recording) throws Exception {
        assertReplays(Recording.read(recording));
    }

    private static void assertReplays(Recording recording) {
        ReplayResult result = Conformance.of(new EmulatorFactory()::open).replay(recording);
        assertEquals(
                List.of(),
                result.differences().stream().limit(10).toList(),
                () -> result.differences().size() + " differences in " + result.calls() + " calls");
        assertEquals(List.of(), result.skips());
        assertTrue(result.calls() > 0);
    }
}
