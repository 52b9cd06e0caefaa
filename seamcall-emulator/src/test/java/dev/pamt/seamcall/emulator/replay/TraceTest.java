package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.conformance.Tracing;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the tracing decorator writes of the emulator is a recording that the emulator passes. */
class TraceTest {
    @TempDir
    private Path directory;

    @Test
    void theTraceOfAWholeMachineReplaysWithoutADifference() throws Exception {
        Path file = directory.resolve("trace.jsonl.gz");
        Tracing[] tracing = new Tracing[1];
        ReplayResult recorded = Conformance.of(config -> traced(config, file, tracing))
                .replay(Recording.shipped("remove_01_input_checks"));
        tracing[0].close();
        assertTrue(recorded.passed());

        ReplayResult replayed = Conformance.of(new EmulatorFactory()::open).replay(Recording.read(file));
        assertEquals(List.of(), replayed.differences());
        assertTrue(replayed.calls() > recorded.calls(), "the calls of the bring-up are in the trace, too");
    }

    private static SeamcallPlatform traced(PlatformConfig config, Path file, Tracing[] tracing) {
        try {
            tracing[0] = Tracing.open(file, config);
            return tracing[0].decorate(new EmulatorFactory().open(config));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
