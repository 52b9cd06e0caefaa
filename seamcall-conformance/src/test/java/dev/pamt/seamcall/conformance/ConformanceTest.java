package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The replay judges backends rightly; that the emulator passes is tested with the emulator. */
class ConformanceTest {
    private static final Recording FIELDS = Recording.shipped("sysrd_01_pamt_fields");

    @TempDir
    private Path directory;

    /** A machine without a module: every call has the same answer. */
    private record Dumb(SeamcallProvider provider, Optional<ModuleInspection> inspection) implements SeamcallPlatform {
        @Override
        public <T> Optional<T> extension(Class<T> type) {
            return inspection.filter(type::isInstance).map(type::cast);
        }

        Dumb(SeamcallProvider provider) {
            this(provider, Optional.empty());
        }

        @Override
        public int processors() {
            return 1;
        }

        @Override
        public SeamcallProvider processor(int index) {
            return provider;
        }

        @Override
        public int packages() {
            return 1;
        }

        @Override
        public int packageOf(int processor) {
            return 0;
        }

        @Override
        public dev.pamt.seamcall.PhysicalMemory memory() {
            return dev.pamt.seamcall.PhysicalMemory.none();
        }

        @Override
        public int firstPrivateHkid() {
            return 32;
        }

        @Override
        public int privateHkids() {
            return 32;
        }

        @Override
        public void close() {}
    }

    /** A line after a header that has the machine opened and no more. */
    private Recording recording(String line) throws IOException {
        Path file = directory.resolve("recording.jsonl");
        String header = "{\"header\": 1, \"bring_up\": false, \"platform\": {\"num_lps\": 1, \"num_pkgs\": 1},"
                + " \"unlisted_regs\": {}}";
        Files.writeString(file, header + "\n" + line + "\n");
        return Recording.read(file);
    }

    private static ReplayResult replay(SeamcallProvider provider, String recording) {
        return Conformance.of(config -> new Dumb(provider)).replay(Recording.shipped(recording));
    }

    @Test
    void aBackendThatSaysYesToEverythingDiffersAtEachRegister() {
        ReplayResult result = replay((rax, regs) -> 0, "sysrd_01_pamt_fields");
        assertEquals(12, result.calls());
        assertFalse(result.passed());
        Difference first = result.differences().get(0);
        assertEquals("TDH.SYS.RD", first.leaf());
        assertEquals("sysrd_01_pamt_fields.jsonl.gz", first.file());
    }

    @Test
    void aBackendThatThrowsIsADifferenceAndNotACrash() {
        ReplayResult result = replay(
                (rax, regs) -> {
                    if (rax == 34) {
                        throw new IllegalStateException("broken");
                    }
                    return 0;
                },
                "sysrd_01_pamt_fields");
        assertEquals(12, result.differences().size());
        assertTrue(result.differences().get(0).got().contains("broken"));
    }

    @Test
    void aBackendThatLosesItsModuleIsAskedNoMore() {
        ReplayResult result = replay(
                (rax, regs) -> {
                    if (rax == 34) {
                        throw new SeamcallUnavailableException("gone");
                    }
                    return 0;
                },
                "sysrd_01_pamt_fields");
        assertEquals(1, result.differences().size());
        assertEquals(11, result.skips().get(0).lines());
    }

    @Test
    void aModuleThatDoesNotComeUpIsADifference() {
        ReplayResult result = replay((rax, regs) -> TdxStatus.SYS_NOT_READY.code(), "sysrd_01_pamt_fields");
        assertEquals(
                List.of("bring-up"),
                result.differences().stream().map(Difference::register).toList());
    }

    @Test
    void aBackendThatCannotBeTheMachineIsSkippedWithTheReason() {
        ReplayResult result = Conformance.of(ConformanceTest::refuse).replay(FIELDS);
        assertTrue(result.skipped());
        assertFalse(result.passed(), "nothing was compared");
        assertTrue(result.skips().get(0).reason().contains("32 address bits only"));
        assertEquals(FIELDS.lines().size(), result.skips().get(0).lines());
    }

    @Test
    void aRecordingWithoutACallIsNoPass() throws Exception {
        ReplayResult result =
                Conformance.of(config -> new Dumb((rax, regs) -> 0)).replay(recording("{\"note\": \"nothing\"}"));
        assertTrue(result.skipped());
        assertFalse(result.passed());
        assertEquals("it has no call", result.skips().get(0).reason());
    }

    @Test
    void aReportCallsSkippedWhatWasSkippedAndFailedWhatDiffers() throws Exception {
        ReplayResult skipped = Conformance.of(ConformanceTest::refuse).replay(FIELDS);
        ReplayResult failed = replay((rax, regs) -> 0, "sysrd_01_pamt_fields");
        Path report = directory.resolve("report.xml");
        JUnitReport.write(report, "dumb", List.of(skipped, failed));
        String xml = Files.readString(report);
        assertTrue(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""), xml);
        assertTrue(xml.contains("<skipped message=\"12 lines from line 1"), xml);
    }

    private static SeamcallPlatform refuse(PlatformConfig config) {
        throw new IllegalArgumentException("32 address bits only");
    }

    @Test
    void withoutInspectionNothingIsComparedAfterALockWasToBeHeld() {
        ReplayResult result = replay((rax, regs) -> 0, "locks_01_add_remove");
        assertTrue(result.skips().stream().anyMatch(skip -> skip.reason().contains("set_lock")));
        assertTrue(result.calls() < 435);
    }

    @Test
    void aPamtEntryIsComparedInAllWordsThatTheRecordingHas() throws Exception {
        assertEquals(List.of(), pamtDifferences("[\"0x100\"]"));
        assertEquals(List.of(), pamtDifferences("[\"0x100\", \"0x101\", \"0x102\"]"));
        assertEquals(List.of("pamt[0]"), pamtDifferences("[\"0x101\"]"));
        assertEquals(List.of("pamt[1]"), pamtDifferences("[\"0x100\", \"0x100\"]"));
        assertEquals(List.of("pamt[2]"), pamtDifferences("[\"0x100\", \"0x101\", \"0x100\"]"));
    }

    private List<String> pamtDifferences(String raw) throws IOException {
        Recording entry = recording(
                "{\"harness\": \"read_pamt_entry\", \"level\": \"2m\", \"pa\": \"0x102000000\", \"raw\": " + raw + "}");
        return Conformance.of(config -> new Dumb((rax, regs) -> 0, Optional.of(countingWords())))
                .replay(entry)
                .differences()
                .stream()
                .map(Difference::register)
                .toList();
    }

    /** Word i of every PAMT entry is 0x100 + i. */
    private static ModuleInspection countingWords() {
        return (ModuleInspection) Proxy.newProxyInstance(
                ConformanceTest.class.getClassLoader(),
                new Class<?>[] {ModuleInspection.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "guests" -> Optional.empty();
                    case "pamtEntryWord" -> 0x100L + (int) arguments[2];
                    default -> throw new UnsupportedOperationException(method.getName());
                });
    }

    @Test
    void everyRecordingInTheJarIsListed() throws Exception {
        Path vectors = Path.of("src/main/resources/dev/pamt/seamcall/conformance/vectors");
        try (Stream<Path> files = Files.list(vectors)) {
            List<String> shipped = Stream.concat(Recording.shipped().stream(), Stream.of(Recording.shippedLitmus()))
                    .map(Recording::name)
                    .sorted()
                    .toList();
            assertEquals(
                    files.map(file -> file.getFileName().toString()).sorted().toList(), shipped);
        }
        assertThrows(IllegalArgumentException.class, () -> Recording.shipped("none"));
    }
}
