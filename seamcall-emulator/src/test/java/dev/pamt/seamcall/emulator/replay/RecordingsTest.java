package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.IntNode;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The emulator answers as the real module did. */
class RecordingsTest {
    private static final String RECORDED_PLATFORM = "{\"maxpa\": 46, \"hkid_start_bit\": 40, \"private_hkid_min\": 32,"
            + " \"private_hkid_max\": 63, \"num_lps\": 1, \"num_pkgs\": 1}";
    private static final JsonNode GLOBAL_HKID = IntNode.valueOf(32);

    @ParameterizedTest
    @ValueSource(
            strings = {
                "accept_01",
                "accept_02_rnd",
                "add_01_input_checks",
                "add_02_pair_pages",
                "add_04_maxpa48_hkid44",
                "locks_01_add_remove",
                "remove_01_input_checks",
                "remove_02_contents_and_stale",
                "rnd_01_tiny",
                "rnd_04_in_use",
                "rnd_06_locks_tiny",
                "rnd_07_td_small",
                "state_01_partially_initialized",
                "static_01_dynamic_pamt_off",
                "static_02_td",
                "sysrd_01_pamt_fields",
                "td_01_create_addcx_reclaim",
                "td_03_demote_promote",
                "td_05_l2"
            })
    void everyCallIsAnsweredAsRecorded(String name) {
        Replay replay = Replay.of(Recording.load(name));
        assertTrue(replay.calls() > 0);
        assertEquals(
                "",
                String.join("\n", replay.differences()),
                () -> replay.differences().size() + " differences in " + replay.calls() + " calls");
    }

    @Test
    void everyConfigurationIsJudgedAsRecorded() throws Exception {
        JsonNode platform = new ObjectMapper().readTree(RECORDED_PLATFORM);
        for (JsonNode line : Recording.load("sysconfig_01_tdmr_checks").lines()) {
            RecordedHost host = RecordedHost.uninitialised(platform);
            SeamcallRegisters regs = new SeamcallRegisters();
            host.initialise(regs);
            long status = RecordedHost.configure(
                    host.machine(), regs, line.get("tdmrs"), line.get("dynamic").booleanValue(), GLOBAL_HKID);
            long recorded = Recording.number(line.get("out").get("rax"));
            assertEquals(TdxStatus.toString(recorded), TdxStatus.toString(status), line::toString);
        }
    }
}
