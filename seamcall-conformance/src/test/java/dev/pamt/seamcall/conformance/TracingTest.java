package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TracingTest {
    @TempDir
    private Path directory;

    @Test
    void aCallIsALineWithWhatItHadAndWhatItChanged() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            SeamcallProvider traced = tracing.decorate(
                    (rax, regs) -> {
                        regs.r9 = 7;
                        return TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX);
                    },
                    3);
            new Seamcalls(traced).pamtAdd(new SeamcallRegisters(), 0x102000000L, 0x102800000L, 0x102801000L);
        }
        assertEquals(
                "{\"n\":0,\"leaf\":\"TDH.PHYMEM.PAMT.ADD\",\"leaf_no\":58,\"lp\":3,"
                        + "\"in\":{\"rcx\":\"0x102000001\",\"rdx\":\"0x102800000\",\"r8\":\"0x102801000\"},"
                        + "\"out\":{\"rax\":\"0x8000020000000002\",\"rcx\":\"0x102000001\",\"rdx\":\"0x102800000\","
                        + "\"r8\":\"0x102801000\",\"r9\":\"0x7\"},\"status\":\"TDX_OPERAND_BUSY/RDX\"}",
                Files.readAllLines(file).get(1));
    }

    @Test
    void theTraceOfAMachineSaysWhatMachineAndWhatTheHostWrote() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        PlatformConfig config = PlatformConfig.builder()
                .processors(4)
                .packages(2)
                .cmrs(List.of(new PhysicalRange(0x1000, 0x2000), new PhysicalRange(0x4000, 0x1000)))
                .option("max-pa", "46")
                .build();
        FakeMachine machine = new FakeMachine();
        machine.words.put("memory 0x3000", 5L);
        try (Tracing tracing = Tracing.open(file, config)) {
            SeamcallPlatform traced = tracing.decorate(machine.open(config));
            traced.memory().write64(0x1000, -1);
            traced.memory().clearPage(0x2000);
            assertEquals(5, traced.memory().read64(0x3000));
        }
        assertEquals(List.of("memory 0x1000 := 0xffffffffffffffff", "memory 0x2000 cleared"), machine.log);
        List<String> lines = Files.readAllLines(file);
        assertEquals(
                "{\"header\":1,\"bring_up\":false,\"platform\":{\"num_lps\":4,\"num_pkgs\":2,"
                        + "\"cmrs\":[{\"base\":\"0x1000\",\"size\":\"0x2000\"},{\"base\":\"0x4000\",\"size\":\"0x1000\"}],"
                        + "\"options\":{\"max-pa\":\"46\"}},\"unlisted_regs\":{\"rcx\":0,\"rdx\":0,\"rbx\":0,\"rsi\":0,"
                        + "\"rdi\":0,\"r8\":0,\"r9\":0,\"r10\":0,\"r11\":0,\"r12\":0,\"r13\":0,\"r14\":0,\"r15\":0}}",
                lines.get(0));
        assertEquals(
                List.of(
                        "{\"harness\":\"write_phys64\",\"pa\":\"0x1000\",\"value\":\"0xffffffffffffffff\"}",
                        "{\"harness\":\"fill_page\",\"pa\":\"0x2000\",\"size\":4096,\"value\":\"0x0\"}"),
                lines.subList(1, 3));
    }

    @Test
    void callsAreNumberedAndAnUnknownLeafIsWrittenAsItsNumber() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            SeamcallProvider traced = tracing.decorate((rax, regs) -> 0x8000_FF00_0000_0001L, 0);
            traced.seamcall(SeamcallLeaf.SYS_INIT.rax(), new SeamcallRegisters());
            traced.seamcall(0x1_0FA0, new SeamcallRegisters());
        }
        assertEquals(
                "{\"n\":1,\"leaf\":\"4000\",\"leaf_no\":4000,\"lp\":0,\"in\":{\"rax\":\"0x10fa0\"},"
                        + "\"out\":{\"rax\":\"0x8000ff0000000001\",\"rcx\":\"0x0\",\"rdx\":\"0x0\",\"r8\":\"0x0\"},"
                        + "\"status\":\"0x8000ff0000000001\"}",
                Files.readAllLines(file).get(2));
    }

    @Test
    void aNameThatEndsInGzIsPacked() throws Exception {
        Path file = directory.resolve("trace.jsonl.gz");
        try (Tracing tracing = Tracing.open(file)) {
            tracing.decorate((rax, regs) -> 0, 0).seamcall(SeamcallLeaf.SYS_INIT.rax(), new SeamcallRegisters());
        }
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
            assertEquals(2, reader.lines().count());
        }
    }

    @Test
    void aLostModuleIsNotedAndThrownOn() throws Exception {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 5;
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            SeamcallProvider traced = tracing.decorate(
                    (rax, given) -> {
                        given.rcx = 6;
                        throw new SeamcallUnavailableException("the other process is \"gone\"");
                    },
                    0);
            assertThrows(SeamcallUnavailableException.class, () -> traced.seamcall(SeamcallLeaf.SYS_INIT.rax(), regs));
        }
        assertEquals(
                "{\"note\":\"TDH.SYS.INIT with rcx=0x5 threw dev.pamt.seamcall.SeamcallUnavailableException:"
                        + " the other process is \\\"gone\\\"\"}",
                Files.readAllLines(file).get(1));
    }

    /** The device is full from the first byte on; what fits into the writer's buffer fails only when the file is closed. */
    @ParameterizedTest
    @ValueSource(ints = {1, 1_000})
    @EnabledOnOs(OS.LINUX)
    void aFileThatCannotBeWrittenDoesNotDisturbCallsAndIsToldWhenItIsClosed(int calls) throws Exception {
        Tracing tracing = Tracing.open(Path.of("/dev/full"));
        SeamcallProvider traced = tracing.decorate((rax, regs) -> 5, 0);
        for (int i = 0; i < calls; i++) {
            assertEquals(5, traced.seamcall(SeamcallLeaf.SYS_INIT.rax(), new SeamcallRegisters()));
        }
        IOException told = assertThrows(IOException.class, tracing::close);
        assertEquals("the trace is not complete: No space left on device", told.getMessage());
        tracing.close();
    }

    @Test
    void afterCloseCallsGoOnUntraced() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        Tracing tracing = Tracing.open(file);
        SeamcallProvider traced = tracing.decorate((rax, regs) -> 5, 0);
        tracing.close();
        tracing.close();
        assertEquals(5, traced.seamcall(0, new SeamcallRegisters()));
        assertEquals(1, Files.readAllLines(file).size());
    }

    @Test
    void whatIsNoPlainTextIsReadAsItWasWritten() throws Exception {
        String message = "a\nb \\ \"\t\u001f\ud83d\ude00\u00e9";
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            SeamcallProvider traced = tracing.decorate(
                    (rax, given) -> {
                        throw new SeamcallUnavailableException(message + "\ud83d");
                    },
                    0);
            assertThrows(SeamcallUnavailableException.class, () -> traced.seamcall(0, new SeamcallRegisters()));
        }
        List<String> lines = Files.readAllLines(file);
        assertEquals(2, lines.size());
        String note = JsonValue.parse(lines.get(1)).get("note").text();
        assertTrue(note.endsWith(": " + message + "?"), note);
    }

    @Test
    void aStatusReadsAsInTheRecordings() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            tracing.decorate((rax, regs) -> TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1), 0)
                    .seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), new SeamcallRegisters());
        }
        assertEquals(
                "TDX_PAMT_PAGE_NOT_EMPTY/pair_page_1",
                JsonValue.parse(Files.readAllLines(file).get(1)).get("status").text());
    }
}
