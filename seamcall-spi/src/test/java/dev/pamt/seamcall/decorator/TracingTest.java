package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        PlatformConfig config =
                PlatformConfig.builder().processors(2).option("max-pa", "46").build();
        try (Tracing tracing = Tracing.open(file, config)) {
            SeamcallPlatform traced = tracing.decorate(new StubPlatform((rax, regs) -> 0));
            traced.memory().write64(0x1000, -1);
            traced.memory().clearPage(0x2000);
            assertEquals(0, traced.memory().read64(0x1000), "the memory of the stub keeps nothing");
        }
        List<String> lines = Files.readAllLines(file);
        assertTrue(
                lines.get(0)
                        .startsWith("{\"header\":1,\"bring_up\":false,\"platform\":{\"num_lps\":2,\"num_pkgs\":1,"
                                + "\"cmrs\":[],\"options\":{\"max-pa\":\"46\"}},\"unlisted_regs\":{\"rcx\":0,"),
                lines.get(0));
        assertEquals(
                List.of(
                        "{\"harness\":\"write_phys64\",\"pa\":\"0x1000\",\"value\":\"0xffffffffffffffff\"}",
                        "{\"harness\":\"fill_page\",\"pa\":\"0x2000\",\"size\":4096,\"value\":\"0x0\"}"),
                lines.subList(1, 3));
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
        Path file = directory.resolve("trace.jsonl");
        try (Tracing tracing = Tracing.open(file)) {
            SeamcallProvider traced = tracing.decorate(
                    (rax, regs) -> {
                        throw new SeamcallUnavailableException("the other process is \"gone\"");
                    },
                    0);
            assertThrows(
                    SeamcallUnavailableException.class,
                    () -> traced.seamcall(SeamcallLeaf.SYS_INIT.rax(), new SeamcallRegisters()));
        }
        assertTrue(Files.readAllLines(file).get(1).contains("threw"), "a note");
        assertTrue(Files.readAllLines(file).get(1).contains("\\\"gone\\\""), "quotes are escaped");
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
    void whatIsNoPlainTextIsEscaped() {
        assertEquals(
                "{\"a\\u000ab\":\"\\\\\\u0009\\ud83d\\ude00é\"}",
                new JsonLine().string("a\nb", "\\\t😀é").toString());
    }
}
