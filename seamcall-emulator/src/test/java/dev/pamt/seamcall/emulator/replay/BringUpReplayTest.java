package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Difference;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The state in which a recording begins: SYS.CONFIG as it was recorded, a failed one too, on the recorded platform. */
class BringUpReplayTest {
    private static final String USUAL = platform(46, 40, 32, 63);

    /** The key id begins so high that SYS.CONFIG refuses Dynamic PAMT. */
    private static final String KEY_ID_TOO_HIGH = platform(52, 49, 4, 7);

    private static final String REFUSED = "0x" + Long.toHexString(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8));

    /** Of a recording of the bring-up: what leaves answer after a SYS.CONFIG that failed. */
    private static final List<String> AFTER_FAILURE = List.of(
            "{\"n\": 116, \"leaf\": \"TDH.PHYMEM.PAMT.ADD\", \"leaf_no\": 58, \"in\": {\"rcx\": \"0x100000001\"}, \"out\":"
                    + " {\"rax\": \"0xc000050500000000\"}, \"status\": \"TDX_SYS_NOT_READY\"}",
            "{\"n\": 201, \"leaf\": \"TDH.SYS.TDMR.INIT\", \"leaf_no\": 36, \"in\": {\"rcx\": \"0x100000001\"}, \"out\":"
                    + " {\"rax\": \"0xc000050500000000\"}, \"status\": \"TDX_SYS_NOT_READY\"}",
            "{\"n\": 263, \"leaf\": \"TDH.SYS.KEY.CONFIG\", \"leaf_no\": 31, \"in\": {\"rcx\": \"0x100000001\"}, \"out\":"
                    + " {\"rax\": \"0xc000050700000000\"}, \"status\": \"TDX_SYS_KEY_CONFIG_NOT_PENDING\"}");

    @TempDir
    private Path directory;

    private static String platform(int maxPa, int hkidStartBit, int firstHkid, int lastHkid) {
        return String.format(
                "{\"maxpa\": %d, \"hkid_start_bit\": %d, \"private_hkid_min\": %d, \"private_hkid_max\": %d,"
                        + " \"global_hkid\": %d, \"num_lps\": 1, \"num_pkgs\": 1}",
                maxPa, hkidStartBit, firstHkid, lastHkid, firstHkid);
    }

    private static String header(String platform, String more) {
        return "{\"header\": 1, \"platform\": " + platform + ", \"dynamic_pamt\": true, \"tdmrs\":"
                + " [{\"base\": \"0x100000000\", \"size\": \"0x40000000\", \"reserved\": [],"
                + " \"pamt_1g\": {\"base\": \"0x40000000\", \"size\": \"0x1000\"},"
                + " \"pamt_2m\": {\"base\": \"0x40001000\", \"size\": \"0x2000\"},"
                + " \"pamt_4k\": {\"base\": \"0x40003000\", \"size\": \"0x8000\"}}], \"unlisted_regs\": {\"rcx\": 0,"
                + " \"rdx\": 0, \"rbx\": 0, \"rsi\": 0, \"rdi\": 0, \"r8\": 0, \"r9\": 0, \"r10\": 0, \"r11\": 0,"
                + " \"r12\": 0, \"r13\": 0, \"r14\": 0, \"r15\": 0}" + more + "}";
    }

    /** A line that is a SYS.CONFIG; the PAMT areas fit Dynamic PAMT, and are too small without it. */
    private static String sysConfig(String more, String rax) {
        return "{\"tdmrs\": [{\"base\": \"0x100000000\", \"size\": \"0x40000000\", \"rsvd\": [],"
                + " \"p1g\": [\"0x40000000\", \"0x1000\"], \"p2m\": [\"0x40001000\", \"0x2000\"],"
                + " \"p4k\": [\"0x40003000\", \"0x8000\"]}], \"leaf\": \"TDH.SYS.CONFIG\", \"out\": {\"rax\": \"" + rax
                + "\"}, \"status\": \"" + rax + "\"" + more + "}";
    }

    private ReplayResult replay(String first, List<String> others) throws Exception {
        Path file = directory.resolve("recording.jsonl");
        Files.writeString(file, first + "\n" + String.join("\n", others));
        return Conformance.of(new EmulatorFactory()::open).replay(Recording.read(file));
    }

    private void assertPasses(int calls, String first, List<String> others) throws Exception {
        ReplayResult result = replay(first, others);
        assertEquals(List.of(), result.differences());
        assertEquals(List.of(), result.skips());
        assertEquals(calls, result.calls());
    }

    private void assertDiffers(String register, String got, String first, List<String> others) throws Exception {
        List<Difference> differences = replay(first, others).differences();
        assertEquals(1, differences.size(), differences::toString);
        assertEquals(register, differences.get(0).register());
        assertTrue(differences.get(0).got().contains(got), differences::toString);
    }

    @Test
    void callsFollowASysConfigThatFailedAsRecorded() throws Exception {
        assertPasses(3, header(KEY_ID_TOO_HIGH, ", \"sys_config_status\": \"" + REFUSED + "\""), AFTER_FAILURE);
    }

    @Test
    void whatARecordingSaysOfTdmrsAfterASysConfigThatFailedIsNotDone() throws Exception {
        String status = ", \"tdmr_init_calls_done\": [64], \"sys_config_status\": \"" + REFUSED + "\"";
        assertPasses(3, header(KEY_ID_TOO_HIGH, status), AFTER_FAILURE);
    }

    @Test
    void aSysConfigThatFailsOtherwiseThanRecordedIsADifference() throws Exception {
        assertDiffers(
                "bring-up",
                "SYS.CONFIG gave TDX_OPERAND_INVALID|R8",
                header(KEY_ID_TOO_HIGH, ", \"sys_config_status\": \"0xc0000a0000000000\""),
                AFTER_FAILURE);
    }

    @Test
    void aSysConfigThatFailsWhereItSucceededIsADifference() throws Exception {
        assertDiffers(
                "bring-up",
                "SYS.CONFIG gave TDX_OPERAND_INVALID|R8",
                header(KEY_ID_TOO_HIGH, ", \"sys_config_status\": \"0x0\""),
                AFTER_FAILURE);
        assertDiffers("bring-up", "recorded is TDX_SUCCESS", header(KEY_ID_TOO_HIGH, ""), AFTER_FAILURE);
    }

    @Test
    void aSysConfigThatSucceedsWhereItFailedIsADifference() throws Exception {
        assertDiffers(
                "bring-up",
                "SYS.CONFIG gave TDX_SUCCESS",
                header(USUAL, ", \"sys_config_status\": \"" + REFUSED + "\""),
                AFTER_FAILURE);
    }

    @Test
    void aLineOfSysConfigMayHaveAPlatformOfItsOwn() throws Exception {
        String tooHigh = ", \"dynamic\": true, \"platform\": " + KEY_ID_TOO_HIGH;
        String usual = ", \"dynamic\": true, \"platform\": " + USUAL;
        assertPasses(2, sysConfig(tooHigh, REFUSED), List.of(sysConfig(usual, "0x0")));
        assertDiffers("rax", "OPERAND_INVALID", sysConfig(tooHigh, "0x0"), List.of(sysConfig(usual, "0x0")));
    }

    @Test
    void whatThePlatformOfALineDoesNotSayIsAsUsual() throws Exception {
        String tooHigh = ", \"dynamic\": true, \"platform\": {\"maxpa\": 52, \"hkid_start_bit\": 49,"
                + " \"private_hkid_min\": 4, \"private_hkid_max\": 7}";
        assertPasses(1, sysConfig(tooHigh, REFUSED), List.of());
        String low = ", \"dynamic\": true, \"platform\": {\"maxpa\": 40, \"hkid_start_bit\": 37,"
                + " \"private_hkid_min\": 4, \"private_hkid_max\": 7}";
        assertPasses(1, sysConfig(low, "0x0"), List.of());
    }

    @Test
    void aLineOfSysConfigMayHaveInputsOfItsOwn() throws Exception {
        assertPasses(
                4,
                sysConfig(", \"dynamic\": true, \"in\": {\"r8\": \"0x1001f\"}", REFUSED),
                List.of(
                        sysConfig(", \"dynamic\": true, \"in\": {\"r8\": \"0x30020\"}", REFUSED),
                        sysConfig(", \"in\": {\"r8\": \"0x10021\"}", "0x0"),
                        sysConfig(", \"dynamic\": true, \"in\": {\"rdx\": 0}", "0xc000010000000002")));
        assertDiffers(
                "rax", "INVALID_PAMT", sysConfig(", \"dynamic\": true, \"in\": {\"r8\": \"0x20\"}", "0x0"), List.of());
    }

    @Test
    void aLineOfSysConfigMayListRegistersAfterwards() throws Exception {
        String line = sysConfig(", \"dynamic\": true", "0x0");
        assertPasses(1, line.replace("\"rax\": \"0x0\"", "\"rax\": \"0x0\", \"r8\": \"0x10020\""), List.of());
        assertDiffers(
                "r8", "0x10020", line.replace("\"rax\": \"0x0\"", "\"rax\": \"0x0\", \"r8\": \"0x20\""), List.of());
    }
}
