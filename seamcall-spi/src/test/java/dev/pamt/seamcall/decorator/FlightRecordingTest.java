package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FlightRecordingTest {
    @TempDir
    private Path directory;

    @Test
    void aCallIsAnEventWhileSomebodyRecords() throws Exception {
        SeamcallProvider recorded = new FlightRecording().decorate((rax, regs) -> 0, 1);
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 0x102000001L;
        recorded.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
        Path file = directory.resolve("calls.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("dev.pamt.Seamcall");
            recording.start();
            recorded.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
            recording.stop();
            recording.dump(file);
        }
        List<RecordedEvent> events = RecordingFile.readAllEvents(file);
        assertEquals(1, events.size(), "the call before the recording is none");
        assertEquals("TDH.PHYMEM.PAMT.ADD", events.get(0).getString("leaf"));
        assertEquals(0x102000001L, events.get(0).getLong("rcx"));
        assertEquals(1, events.get(0).getInt("processor"));
        assertTrue(events.get(0).getString("status").startsWith("TDX_SUCCESS"));
    }
}
