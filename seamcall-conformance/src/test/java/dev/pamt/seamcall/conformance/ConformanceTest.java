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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The replay judges backends rightly; that the emulator passes is tested with the emulator. */
class ConformanceTest {
    private static final VectorFile FIELDS = VectorFile.shipped("sysrd_01_pamt_fields");

    /** A machine without a module: every call has the same answer. */
    private record Dumb(SeamcallProvider provider) implements SeamcallPlatform {
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

    private static FileResult replay(SeamcallProvider provider, String recording) {
        return Conformance.of(config -> new Dumb(provider)).replay(VectorFile.shipped(recording));
    }

    @Test
    void aBackendThatSaysYesToEverythingDiffersAtEachRegister() {
        FileResult result = replay((rax, regs) -> 0, "sysrd_01_pamt_fields");
        assertEquals(12, result.calls());
        assertFalse(result.passed());
        Difference first = result.differences().get(0);
        assertEquals("TDH.SYS.RD", first.leaf());
        assertEquals("sysrd_01_pamt_fields.jsonl.gz", first.file());
    }

    @Test
    void aBackendThatThrowsIsADifferenceAndNotACrash() {
        FileResult result = replay(
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
        FileResult result = replay(
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
        FileResult result = replay((rax, regs) -> TdxStatus.SYS_NOT_READY.code(), "sysrd_01_pamt_fields");
        assertEquals(
                List.of("bring-up"),
                result.differences().stream().map(Difference::register).toList());
    }

    @Test
    void aBackendThatCannotBeTheMachineIsSkippedWithTheReason() {
        FileResult result = Conformance.of(ConformanceTest::refuse).replay(FIELDS);
        assertTrue(result.skipped());
        assertTrue(result.skips().get(0).reason().contains("32 address bits only"));
        assertEquals(FIELDS.lines().size() - 1, result.skips().get(0).lines());
    }

    private static SeamcallPlatform refuse(PlatformConfig config) {
        throw new IllegalArgumentException("32 address bits only");
    }

    @Test
    void withoutInspectionNothingIsComparedAfterALockWasToBeHeld() {
        FileResult result = replay((rax, regs) -> 0, "locks_01_add_remove");
        assertTrue(result.skips().stream().anyMatch(skip -> skip.reason().contains("set_lock")));
        assertTrue(result.calls() < 435);
    }

    @Test
    void everyRecordingInTheJarIsListed() throws Exception {
        Path vectors = Path.of("src/main/resources/dev/pamt/seamcall/conformance/vectors");
        try (Stream<Path> files = Files.list(vectors)) {
            List<String> shipped = Stream.concat(VectorFile.shipped().stream(), Stream.of(VectorFile.shippedLitmus()))
                    .map(VectorFile::name)
                    .sorted()
                    .toList();
            assertEquals(
                    files.map(file -> file.getFileName().toString()).sorted().toList(), shipped);
        }
        assertThrows(IllegalArgumentException.class, () -> VectorFile.shipped("none"));
    }
}
