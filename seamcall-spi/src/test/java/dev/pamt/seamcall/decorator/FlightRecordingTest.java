package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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
        SeamcallProvider recorded = new FlightRecording()
                .decorate(
                        (rax, regs) -> {
                            regs.clear();
                            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
                        },
                        1);
        recorded.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), inputs());
        List<RecordedEvent> events = eventsDuring(Duration.ZERO, () -> {
            assertEquals(
                    TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX),
                    recorded.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), inputs()));
        });
        assertEquals(1, events.size(), "the call before the recording is none");
        RecordedEvent event = events.get(0);
        assertEquals("TDH.PHYMEM.PAMT.ADD", event.getString("leaf"));
        assertEquals(1, event.getInt("processor"));
        assertEquals(58, event.getLong("rax"));
        assertEquals(0x102000001L, event.getLong("rcx"));
        assertEquals(0x102200000L, event.getLong("rdx"));
        assertEquals(0x102201000L, event.getLong("r8"));
        assertEquals("TDX_OPERAND_BUSY|RCX (0x8000020000000001)", event.getString("status"));
        assertEquals(0x8000_0200_0000_0001L, event.getLong("statusWord"));
    }

    private static SeamcallRegisters inputs() {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 0x102000001L;
        regs.rdx = 0x102200000L;
        regs.r8 = 0x102201000L;
        return regs;
    }

    @Test
    void whileNobodyRecordsTheCallIsMadeAllTheSame() {
        SeamcallProvider recorded = new FlightRecording().decorate((rax, regs) -> rax + regs.rcx, 0);
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 2;
        assertEquals(42, recorded.seamcall(40, regs));
    }

    @Test
    void aCallThatThrowsIsAnEventToo() throws Exception {
        SeamcallProvider recorded = new FlightRecording()
                .decorate(
                        (rax, regs) -> {
                            throw new SeamcallUnavailableException("gone");
                        },
                        0);
        List<RecordedEvent> events = eventsDuring(
                Duration.ZERO,
                () -> assertThrows(
                        SeamcallUnavailableException.class,
                        () -> recorded.seamcall(0x1_0FA0, new SeamcallRegisters())));
        assertEquals(1, events.size());
        assertEquals("threw", events.get(0).getString("status"));
        assertEquals("4000", events.get(0).getString("leaf"), "an unknown leaf by its number, without the version");
    }

    @Test
    void aSlowCallIsLongEnoughForARecordingWithAThreshold() throws Exception {
        SeamcallProvider recorded = new LatencyInjection(
                        LatencyPlan.builder().others(Latency.fixed(20_000_000)).build())
                .inside(new FlightRecording())
                .decorate((rax, regs) -> 0, 0);
        Duration threshold = Duration.ofMillis(10);
        List<RecordedEvent> events = eventsDuring(
                threshold, () -> recorded.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), new SeamcallRegisters()));
        assertEquals(1, events.size());
        assertTrue(events.get(0).getDuration().compareTo(threshold) >= 0, "from before the call to after it");
    }

    private List<RecordedEvent> eventsDuring(Duration threshold, Runnable calls) throws IOException {
        Path file = directory.resolve("calls.jfr");
        try (Recording recording = new Recording()) {
            recording.enable("dev.pamt.Seamcall").withThreshold(threshold);
            recording.start();
            calls.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file);
    }
}
