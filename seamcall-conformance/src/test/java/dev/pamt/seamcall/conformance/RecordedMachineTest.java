package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The machine of a recording is opened as the header or the line says, and brought up by real calls. */
class RecordedMachineTest {
    private static final String PLATFORM = "{'maxpa': 46, 'hkid_start_bit': 40, 'private_hkid_min': 32,"
            + " 'private_hkid_max': 63, 'global_hkid': 33, 'num_lps': 4, 'num_pkgs': 2}";
    private static final String TDMRS = "[{'base': '0x100000000', 'size': '0x2000000', 'reserved': [],"
            + " 'pamt_1g': {'base': '0x1000000', 'size': '0x1000'}, 'pamt_2m': {'base': '0x1001000', 'size': '0x2000'},"
            + " 'pamt_4k': {'base': '0x1003000', 'size': '0x8000'}},"
            + " {'base': '0x200000000', 'size': '0x1000000', 'reserved': [{'offset': '0x1000', 'size': '0x3000'},"
            + " {'offset': '0x8000', 'size': '0x4000'}],"
            + " 'pamt_1g': {'base': '0x2000000', 'size': '0x1000'}, 'pamt_2m': {'base': '0x2001000', 'size': '0x2000'},"
            + " 'pamt_4k': {'base': '0x2003000', 'size': '0x8000'}}]";
    private static final String HEADER = "{'header': 1, 'platform': " + PLATFORM + ", 'dynamic_pamt': true, 'tdmrs': "
            + TDMRS + ", 'unlisted_regs': {}}";
    private static final String NOTE = "{'note': 'no call'}";

    private static final String CONFIG_LINE =
            "{'dynamic': true, 'tdmrs': [{'base': '0x100000000', 'size': '0x40000000',"
                    + " 'rsvd': [['0x1000', '0x2000']], 'p1g': ['0x1000000', '0x1000'], 'p2m': ['0x1001000', '0x2000'],"
                    + " 'p4k': ['0x1003000', '0x8000']}], 'leaf': 'TDH.SYS.CONFIG', 'out': {'rax': '0x0'}, 'status': 's'}";

    private final FakeMachine machine = new FakeMachine();

    @TempDir
    private Path directory;

    private ReplayResult replay(String... lines) {
        return Conformance.of(machine::open).replay(Recordings.read(directory, lines));
    }

    private List<String> calls() {
        return machine.log.stream().filter(entry -> !entry.contains(":=")).toList();
    }

    private List<String> writes() {
        return machine.log.stream().filter(entry -> entry.contains(":=")).toList();
    }

    private void answer(SeamcallLeaf leaf, TdxStatus status) {
        machine.module = (processor, rax, regs) -> rax == leaf.rax() ? status.code() : 0;
    }

    @Test
    void theMachineHasWhatThePlatformSays() {
        replay(HEADER, NOTE);
        assertEquals(4, machine.config.processors());
        assertEquals(2, machine.config.packages());
        assertEquals(List.of(new PhysicalRange(0, 1L << 40)), machine.config.cmrs());
        assertEquals(
                Map.of("max-pa", "46", "hkid-start-bit", "40", "private-hkids", "32-63"), machine.config.options());
    }

    @ParameterizedTest
    @CsvSource({"39, 39", "44, 40"})
    void memoryEndsAt2To40OrWhereTheKeyIdBegins(int hkidStartBit, int bits) {
        replay(HEADER.replace("'hkid_start_bit': 40", "'hkid_start_bit': " + hkidStartBit), NOTE);
        assertEquals(List.of(new PhysicalRange(0, 1L << bits)), machine.config.cmrs());
    }

    @Test
    void theMachineOfATraceIsTheOneThatWasOpened() {
        replay(
                "{'header': 1, 'bring_up': false, 'platform': {'num_lps': 2, 'num_pkgs': 1, 'cmrs':"
                        + " [{'base': '0x1000', 'size': '0x2000'}], 'options': {'latency-ns': '7'}},"
                        + " 'unlisted_regs': {}}",
                NOTE);
        assertEquals(2, machine.config.processors());
        assertEquals(List.of(new PhysicalRange(0x1000, 0x2000)), machine.config.cmrs());
        assertEquals(Map.of("latency-ns", "7"), machine.config.options());
        assertEquals(List.of(), machine.log, "no call brings it up");
    }

    @Test
    void theModuleIsBroughtUpByRealCalls() {
        replay(HEADER, NOTE);
        assertEquals(
                List.of(
                        "0: 0x21 all 0",
                        "0: 0x23 all 0",
                        "1: 0x23 all 0",
                        "2: 0x23 all 0",
                        "3: 0x23 all 0",
                        "0: 0x2d rcx=0x1000 rdx=0x2 r8=0x10021",
                        "0: 0x1f rcx=0x1000 rdx=0x2 r8=0x10021",
                        "2: 0x1f rcx=0x1000 rdx=0x2 r8=0x10021",
                        "0: 0x24 rcx=0x100000000 rdx=0x2 r8=0x10021",
                        "0: 0x24 rcx=0x100000000 rdx=0x2 r8=0x10021",
                        "0: 0x24 rcx=0x200000000 rdx=0x2 r8=0x10021"),
                calls());
        assertEquals(1, machine.opened);
        assertEquals(1, machine.closed);
    }

    @Test
    void withStaticPamtTheOptionIsMissingAndATdmrTakesMoreCalls() {
        replay(HEADER.replace("true", "false").replace(", 'global_hkid': 33", ""), NOTE);
        assertEquals(
                "0: 0x2d rcx=0x1000 rdx=0x2 r8=0x20", calls().get(5), "the first private key id unless it is said");
        assertEquals(
                8 + 4,
                calls().stream().filter(call -> call.startsWith("0: 0x24")).count());
    }

    @Test
    void theTdmrsAreInitialisedAsFarAsTheHeaderSays() {
        replay(HEADER.replace("'tdmrs'", "'tdmr_init_calls_done': [0, 3], 'tdmrs'"), NOTE);
        String call = "0: 0x24 rcx=0x200000000 rdx=0x2 r8=0x10021";
        assertEquals(List.of(call, call, call), calls().subList(8, calls().size()));
    }

    @Test
    void theTdmrsAreInTheMemoryOfTheMachine() {
        replay(HEADER, NOTE);
        assertEquals(
                List.of(
                        "memory 0x1000 := 0x10000",
                        "memory 0x10000 := 0x100000000",
                        "memory 0x10008 := 0x2000000",
                        "memory 0x10010 := 0x1000000",
                        "memory 0x10018 := 0x1000",
                        "memory 0x10020 := 0x1001000",
                        "memory 0x10028 := 0x2000",
                        "memory 0x10030 := 0x1003000",
                        "memory 0x10038 := 0x8000",
                        "memory 0x1008 := 0x11000",
                        "memory 0x11000 := 0x200000000",
                        "memory 0x11008 := 0x1000000",
                        "memory 0x11010 := 0x2000000",
                        "memory 0x11018 := 0x1000",
                        "memory 0x11020 := 0x2001000",
                        "memory 0x11028 := 0x2000",
                        "memory 0x11030 := 0x2003000",
                        "memory 0x11038 := 0x8000",
                        "memory 0x11040 := 0x1000",
                        "memory 0x11048 := 0x3000",
                        "memory 0x11050 := 0x8000",
                        "memory 0x11058 := 0x4000"),
                writes());
    }

    @ParameterizedTest
    @CsvSource({
        "SYS_INIT, SYS.INIT",
        "SYS_LP_INIT, SYS.LP.INIT",
        "SYS_KEY_CONFIG, SYS.KEY.CONFIG",
        "SYS_TDMR_INIT, SYS.TDMR.INIT"
    })
    void aCallOfTheBringUpThatFailsIsADifferenceAndTheMachineIsClosed(SeamcallLeaf leaf, String name) {
        answer(leaf, TdxStatus.SYS_BUSY);
        ReplayResult result = replay(HEADER, NOTE);
        assertEquals(
                List.of("bring-up: as recorded, " + name + " gave TDX_SYS_BUSY (0x8000020200000000)"),
                Recordings.differences(result));
        assertEquals(1, machine.closed);
        assertFalse(result.skipped());
    }

    @Test
    void anotherStatusOfSysConfigThanTheRecordedOneIsADifference() {
        answer(SeamcallLeaf.SYS_CONFIG, TdxStatus.SYS_BUSY);
        assertEquals(
                List.of(
                        "bring-up: as recorded, SYS.CONFIG gave TDX_SYS_BUSY (0x8000020200000000), recorded is TDX_SUCCESS"
                                + " (0x0000000000000000)"),
                Recordings.differences(replay(HEADER, NOTE)));
        assertEquals(1, machine.closed);
    }

    @Test
    void aRecordedFailureOfSysConfigEndsTheBringUp() {
        answer(SeamcallLeaf.SYS_CONFIG, TdxStatus.SYS_BUSY);
        ReplayResult result =
                replay(HEADER.replace("'tdmrs'", "'sys_config_status': '0x8000020200000000', 'tdmrs'"), NOTE);
        assertEquals(List.of(), result.differences());
        assertEquals("0: 0x2d rcx=0x1000 rdx=0x2 r8=0x10021", calls().get(calls().size() - 1));
    }

    @Test
    void aModuleThatIsLostInTheBringUpIsADifference() {
        machine.module = (processor, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        assertEquals(
                List.of("bring-up: as recorded, the backend lost its module: gone"),
                Recordings.differences(replay(HEADER, NOTE)));
        assertEquals(1, machine.closed);
    }

    @Test
    void aBackendThatCannotBeTheMachineIsSkippedLineByLineAndIsNoPass() {
        Conformance conformance = Conformance.of(config -> {
            throw new IllegalArgumentException("32 address bits only");
        });
        ReplayResult result = conformance.replay(Recordings.read(directory, HEADER, NOTE, NOTE));
        assertEquals(
                List.of("2 from 1: the backend cannot be the recorded machine: 32 address bits only"),
                Recordings.skips(result));
        assertTrue(result.skipped());
        assertFalse(result.passed());
        ReplayResult lines = conformance.replay(Recordings.read(directory, CONFIG_LINE, CONFIG_LINE));
        assertEquals(
                List.of("2 from 1: the backend cannot be the recorded machine: 32 address bits only"),
                Recordings.skips(lines));
        assertTrue(lines.skipped());
        assertFalse(lines.passed());
    }

    @Test
    void withoutAHeaderEachLineIsASysConfigOnAMachineOfItsOwn() {
        ReplayResult result = replay(CONFIG_LINE, CONFIG_LINE);
        assertTrue(result.passed(), () -> result.differences().toString());
        assertEquals(2, result.calls());
        assertEquals(Map.of("TDH.SYS.CONFIG", Map.of("s", 2)), result.coverage());
        assertEquals(2, machine.opened);
        assertEquals(2, machine.closed);
        assertEquals(1, machine.config.processors());
        assertEquals(1, machine.config.packages());
        assertEquals(
                Map.of("max-pa", "46", "hkid-start-bit", "40", "private-hkids", "32-63"), machine.config.options());
        assertEquals(
                List.of("0: 0x21 all 0", "0: 0x23 all 0", "0: 0x2d rcx=0x1000 rdx=0x1 r8=0x10020"),
                calls().subList(0, 3));
        assertEquals(
                List.of(
                        "memory 0x1000 := 0x10000",
                        "memory 0x10000 := 0x100000000",
                        "memory 0x10008 := 0x40000000",
                        "memory 0x10010 := 0x1000000",
                        "memory 0x10018 := 0x1000",
                        "memory 0x10020 := 0x1001000",
                        "memory 0x10028 := 0x2000",
                        "memory 0x10030 := 0x1003000",
                        "memory 0x10038 := 0x8000",
                        "memory 0x10040 := 0x1000",
                        "memory 0x10048 := 0x2000"),
                writes().subList(0, 11));
    }

    @Test
    void aLineMayHaveAPlatformAndInputsOfItsOwn() {
        replay(CONFIG_LINE.replace(
                "'dynamic': true",
                "'dynamic': false, 'platform': {'maxpa': 48, 'num_lps': 2," + " 'global_hkid': 35}"));
        assertEquals("48", machine.config.options().get("max-pa"));
        assertEquals("40", machine.config.options().get("hkid-start-bit"));
        assertEquals("0: 0x2d rcx=0x1000 rdx=0x1 r8=0x23", calls().get(3));
        machine.log.clear();
        replay(CONFIG_LINE.replace("'dynamic': true", "'in': {'r8': '0x77', 'rdx': 5, 'r15': '0xf'}"));
        assertEquals("0: 0x2d rcx=0x1000 rdx=0x5 r8=0x77 r15=0xf", calls().get(2));
        machine.log.clear();
        replay(CONFIG_LINE.replace("'dynamic': true", "'dynamic': true, 'in': {'rcx': '0x9000'}"));
        assertEquals("0: 0x2d rcx=0x9000 rdx=0x1 r8=0x10020", calls().get(2));
    }

    @Test
    void statusAndRegistersOfASysConfigAreCompared() {
        machine.module = (processor, rax, regs) -> {
            regs.r9 = 1;
            return rax == SeamcallLeaf.SYS_CONFIG.rax() ? TdxStatus.INVALID_TDMR.with(2) : 0;
        };
        ReplayResult result = replay(CONFIG_LINE.replace("'0x0'", "'0x0', 'rcx': '0x7'"));
        assertEquals(
                List.of(
                        "rax: TDX_SUCCESS (0x0000000000000000), TDX_INVALID_TDMR|0x2 (0xc0000a0000000002)",
                        "rcx: 0x7, 0x1000",
                        "r9: 0x0, 0x1"),
                Recordings.differences(result));
        assertEquals(1, machine.closed);
    }

    @Test
    void aLineWithoutHeaderThatMakesNoSenseIsNamed() {
        assertEquals(
                "recording.jsonl, line 2 cannot be understood: field 'tdmrs' is missing",
                Recordings.mistake(directory, CONFIG_LINE, CONFIG_LINE.replace("'tdmrs'", "'regions'")));
    }

    @Test
    void aLineWithoutHeaderThatIsNoSysConfigIsSkipped() {
        ReplayResult result = replay(CONFIG_LINE, NOTE);
        assertEquals(List.of("1 from 2: a line of unknown kind"), Recordings.skips(result));
        assertEquals(1, result.calls());
    }

    @Test
    void theInitialisationIsSaidForEachTdmr() {
        assertEquals(
                "recording.jsonl, line 1 cannot be understood: tdmr_init_calls_done has 1 numbers, but there are 2 TDMRs",
                Recordings.mistake(directory, HEADER.replace("'tdmrs'", "'tdmr_init_calls_done': [1], 'tdmrs'")));
    }

    @Test
    void aMachineThatNoneCanBeIsAMistakeInTheRecording() {
        assertEquals(
                "recording.jsonl, line 1 cannot be understood: every package has a processor, but there are 2 packages"
                        + " and 1 processors",
                Recordings.mistake(directory, HEADER.replace("'num_lps': 4", "'num_lps': 1")));
    }

    @Test
    void aRecordingThatDoesNotSayOnWhatMachineIsNotReplayed() {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> replay("{'header': 1, 'bring_up': false}", NOTE));
        assertEquals("recording.jsonl does not say on what machine it was made", refused.getMessage());
        assertEquals(0, machine.opened);
    }

    @Test
    void aRecordingOfRacesIsNoneOfCalls() {
        ReplayResult result = replay(HEADER, Recordings.race("race"));
        assertEquals(List.of("1 from 1: a recording of races, not of calls"), Recordings.skips(result));
        assertTrue(result.skipped());
        assertEquals(0, machine.opened);
    }
}
