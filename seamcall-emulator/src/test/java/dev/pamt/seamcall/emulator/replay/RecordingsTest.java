package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The emulator answers as the real module did, bit by bit: nothing is left out of the comparison, and nothing skipped. */
class RecordingsTest {
    /** Names: a recording is read by its own test, so that one alone costs no more than itself. */
    static List<String> recordings() {
        return Recording.shippedNames();
    }

    @ParameterizedTest
    @MethodSource("recordings")
    void everyCallIsAnsweredAsRecorded(String recording) {
        ReplayResult result = Conformance.of(new EmulatorFactory()::open).replay(Recording.shipped(recording));
        assertEquals(
                List.of(),
                result.differences().stream().limit(10).toList(),
                () -> result.differences().size() + " differences in " + result.calls() + " calls");
        assertEquals(List.of(), result.skips());
        assertTrue(result.calls() > 0);
    }
}
