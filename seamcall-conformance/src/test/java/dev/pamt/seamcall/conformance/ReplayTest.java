package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The host's side of a recording: calls, the state afterwards, and what the harness did between them. */
class ReplayTest {
    private static final String ADD = "{'n': 7, 'leaf': 'TDH.PHYMEM.PAMT.ADD', 'leaf_no': 58,"
            + " 'in': {'rcx': '0x102000001', 'rdx': '0x102800000', 'r8': '0x102801000'}, 'out': {'rax': '0x0'},"
            + " 'status': 'TDX_SUCCESS'}";

    /** The same call, with rubbish in the bits of its addresses that are none, and the state that it left. */
    private static final String ADD_AND_STATE = "{'n': 7, 'leaf': 'TDH.PHYMEM.PAMT.ADD', 'leaf_no': 58,"
            + " 'in': {'rcx': '0xff00000102000fff', 'rdx': '0xff00000102800007', 'r8': '0xff00000102801007'},"
            + " 'out': {'rax': '0x0'}, 'status': 'TDX_SUCCESS',"
            + " 'post': {'pamt_2m': ['0xf0001', '0x10'], 'lock_1g': '0x4', 'bitmap_rdx': 1, 'bitmap_r8': 0}}";

    private static final String CREATE =
            "{'leaf': 'TDH.MNG.CREATE', 'leaf_no': 9, 'in': {'rcx': '%s'}, 'out': {'rax': '%s'}, 'status': 's'}";

    private final FakeMachine machine = new FakeMachine();

    @TempDir
    private Path directory;

    private ReplayResult replay(String... lines) {
        return Recordings.replay(directory, machine, lines);
    }

    private List<String> differences(String... lines) {
        return Recordings.differences(replay(lines));
    }

    private void theStateIsAsRecorded() {
        machine.words.putAll(Map.of(
                "pamt SIZE_2M 0x102000000 0", 0xf0001L,
                "pamt SIZE_2M 0x102000000 1", 0x10L,
                "lock SIZE_1G 0x102000000", 4L,
                "bitmap 0x102800000", 1L));
    }

    @Test
    void aCallIsMadeWithItsInputsAndWhatTheRecordingSaysOfOtherRegisters() {
        ReplayResult result = replay(ADD.replace("'in'", "'lp': 3, 'in'"), "{'note': 'a comment'}");
        assertEquals(List.of("3: 0x3a rcx=0x102000001 rdx=0x102800000 r8=0x102801000 r15=0xca0d"), machine.log);
        assertTrue(result.passed());
        assertEquals(1, result.calls());
        assertEquals(0, result.events());
        assertEquals(Map.of("TDH.PHYMEM.PAMT.ADD", Map.of("TDX_SUCCESS", 1)), result.coverage());
        assertEquals(1, machine.closed);
    }

    @Test
    void theLeafWordIsTheNumberOfTheLeafUnlessItIsListed() {
        replay("{'leaf': 'TDH.MEM.SEPT.ADD', 'leaf_no': 3, 'in': {'rax': '0x10003'}, 'out': {'rax': '0x0'}}");
        assertEquals(List.of("0: 0x10003 r15=0xca0d"), machine.log);
    }

    @Test
    void anotherStatusIsADifference() {
        machine.module = (processor, rax, regs) -> TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        ReplayResult result = replay(ADD);
        assertEquals(
                "recording.jsonl  n 7  TDH.PHYMEM.PAMT.ADD  rax  expected TDX_SUCCESS (0x0000000000000000)"
                        + "  got TDX_OPERAND_BUSY|RCX (0x8000020000000001)",
                result.differences().get(0).toString());
        assertEquals(2, result.differences().get(0).line());
        assertFalse(result.passed());
    }

    @ParameterizedTest
    @ValueSource(strings = {"RCX", "RDX", "RBX", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15"})
    void everyRegisterThatIsNotListedIsUnchanged(TdxOperand register) {
        machine.module = (processor, rax, regs) -> {
            regs.set(register, 0xbad);
            return 0;
        };
        List<String> differences = differences(ADD);
        assertEquals(1, differences.size());
        assertTrue(differences.get(0).startsWith(Registers.name(register) + ": 0x"), differences::toString);
        assertTrue(differences.get(0).endsWith(", 0xbad"), differences::toString);
    }

    @Test
    void aRegisterThatIsListedHasTheValueOfTheRecording() {
        assertEquals(List.of("r9: 0x5, 0x0"), differences(ADD.replace("'0x0'", "'0x0', 'r9': '0x5'")));
        machine.module = (processor, rax, regs) -> {
            regs.r9 = 5;
            return 0;
        };
        assertEquals(List.of(), differences(ADD.replace("'0x0'", "'0x0', 'r9': '0x5'")));
    }

    @Test
    void theStateAfterACallIsThatOfTheRecording() {
        theStateIsAsRecorded();
        ReplayResult result = replay(ADD_AND_STATE);
        assertTrue(result.passed(), () -> result.differences().toString());
    }

    @ParameterizedTest
    @CsvSource({
        "pamt SIZE_2M 0x102000000 0, 0xf0002, 'pamt_2m[0]: 0xf0001, 0xf0002'",
        "pamt SIZE_2M 0x102000000 1, 0x11, 'pamt_2m[1]: 0x10, 0x11'",
        "lock SIZE_1G 0x102000000, 0x0, 'lock_1g: 0x4, 0x0'",
        "bitmap 0x102800000, 0x0, 'bitmap_rdx: 0x1, 0x0'",
        "bitmap 0x102801000, 0x1, 'bitmap_r8: 0x0, 0x1'"
    })
    void everyPartOfTheStateAfterACallIsCompared(String word, String value, String difference) {
        theStateIsAsRecorded();
        machine.words.put(word, Long.decode(value));
        assertEquals(List.of(difference), differences(ADD_AND_STATE));
    }

    @Test
    void withoutInspectionTheStateAfterACallIsNotComparedAndThatIsSaid() {
        machine.inspected = false;
        ReplayResult result = replay(ADD_AND_STATE, ADD_AND_STATE);
        assertEquals(2, result.calls());
        assertEquals(
                List.of("2 from 2: the backend has no inspection: PAMT entries and page bitmap after a call are not"
                        + " compared"),
                Recordings.skips(result));
    }

    private List<String> differencesLeavingOutStaleEntries(String level, String raw) {
        return Recordings.differences(Conformance.of(machine::open)
                .leavingOut(ComparisonRule.STALE_FREE_ENTRY)
                .replay(Recordings.read(
                        directory,
                        Recordings.HEADER,
                        "{'harness': 'read_pamt_entry', 'level': '" + level + "', 'pa': '0x102000000', 'raw': " + raw
                                + "}")));
    }

    @Test
    void whatAFormerUseLeftInAFreeEntryCanBeLeftOutButNotItsLockAndType() {
        machine.words.put("pamt SIZE_2M 0x102000000 0", 0xab_000002L);
        machine.words.put("pamt SIZE_2M 0x102000000 1", 0xabL);
        assertEquals(List.of(), differencesLeavingOutStaleEntries("2m", "['0xcd000002', '0xcd']"));
        assertEquals(List.of("pamt[0]: 0x1, 0x2"), differencesLeavingOutStaleEntries("2m", "['0xcd000001', '0xcd']"));
        machine.words.put("pamt SIZE_2M 0x102000000 0", 0xab_1f0002L);
        assertEquals(
                List.of("pamt[0]: 0x2, 0x1f0002"), differencesLeavingOutStaleEntries("2m", "['0xcd000002', '0xcd']"));
    }

    @Test
    void lockAndTypeOfAFreeEntryAreComparedInEveryBit() {
        for (int bit = 0; bit < 21; bit++) {
            machine.words.put("pamt SIZE_2M 0x102000000 0", 1L << bit);
            assertEquals(1, differencesLeavingOutStaleEntries("2m", "['0x0']").size(), "bit " + bit);
        }
        machine.words.put("pamt SIZE_2M 0x102000000 0", -1L << 21);
        assertEquals(List.of(), differencesLeavingOutStaleEntries("2m", "['0x0']"));
    }

    @Test
    void anEntryWithAnyBitOfATypeIsInUse() {
        for (int bit = 16; bit < 21; bit++) {
            machine.words.put("pamt SIZE_2M 0x102000000 0", 1L << bit);
            String raw = String.format("['0x%x']", 1L << 40 | 1L << bit);
            assertEquals(1, differencesLeavingOutStaleEntries("2m", raw).size(), "bit " + bit);
        }
    }

    @Test
    void leavingSomethingOutMakesAnotherTest() {
        machine.words.put("pamt SIZE_2M 0x102000000 1", 0xabL);
        Conformance all = Conformance.of(machine::open);
        Conformance less = all.leavingOut(ComparisonRule.STALE_FREE_ENTRY);
        Recording recording = Recordings.read(
                directory,
                Recordings.HEADER,
                "{'harness': 'read_pamt_entry', 'level': '2m', 'pa': '0x102000000', 'raw': ['0x0', '0xcd']}");
        assertEquals(List.of(), less.replay(recording).differences());
        assertEquals(List.of("pamt[1]: 0xcd, 0xab"), Recordings.differences(all.replay(recording)));
    }

    @Test
    void ofAnEntryThatIsInUseOrOfAnotherLevelNothingIsLeftOut() {
        machine.words.put("pamt SIZE_2M 0x102000000 0", 0x1_0000L);
        assertEquals(
                List.of("pamt[0]: 0xcd00010000, 0x10000", "pamt[1]: 0xcd, 0x0"),
                differencesLeavingOutStaleEntries("2m", "['0xcd00010000', '0xcd']"));
        assertEquals(
                List.of("pamt[0]: 0xcd000002, 0x0", "pamt[1]: 0xcd, 0x0"),
                differencesLeavingOutStaleEntries("1g", "['0xcd000002', '0xcd']"));
    }

    @Test
    void memoryIsFilledWrittenAndCompared() {
        machine.inspected = false;
        machine.words.put("memory 0x5000", 6L);
        ReplayResult result = replay(
                "{'harness': 'fill_page', 'pa': '0x1000', 'size': 16, 'value': '0xff'}",
                "{'harness': 'write_phys64', 'pa': '0x4000', 'value': 7}",
                "{'harness': 'read_phys64', 'pa': '0x5000', 'value': 5}",
                "{'harness': 'read_phys64', 'pa': '0x5000', 'value': 6}");
        assertEquals(List.of("memory 0x1000 := 0xff", "memory 0x1008 := 0xff", "memory 0x4000 := 0x7"), machine.log);
        assertEquals(List.of("memory: 0x5, 0x6"), Recordings.differences(result));
        assertEquals(4, result.events());
        assertEquals(List.of(), result.skips());
    }

    @Test
    void aPageThatIsFilledHas4096BytesUnlessTheLineSaysOtherwise() {
        replay("{'harness': 'fill_page', 'pa': '0x1000', 'value': 0}");
        assertEquals(512, machine.log.size());
        assertEquals("memory 0x1ff8 := 0x0", machine.log.get(511));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "lock SIZE_4K 0x102000000, lock, 'read_lock' | 'level': '4k' | 'pa': '0xff00000102000fff'",
                "td 0x9000 OP_STATE, lock, 'read_td_lock' | 'lock': 'op_state' | 'vp': '0x8000'",
                "td 0x9000 SEPT_TREE, lock, 'read_td_lock' | 'lock': 'sept_tree' | 'vp': '0x8000'",
                "td 0x9000 EPOCH, lock, 'read_td_lock' | 'lock': 'epoch' | 'vp': '0x8000'",
                "td 0x9000 EPOCH, lock, 'read_td_lock' | 'lock': 'epoch_lock' | 'vp': '0x8000'",
                "sept 0x9000 0x200000 1, sept, 'read_sept_entry' | 'gpa': '0x200000' | 'level': 1 | 'vp': '0x8000'"
            })
    void whatTheHarnessReadIsCompared(String word, String register, String line) {
        machine.words.put("td of 0x8000", 0x9000L);
        machine.words.put(word, 5L);
        String read = "{'harness': " + line.replace(" | ", ", ") + ", 'raw': ";
        ReplayResult result = replay(read + "'0x5'}", read + "'0x4'}");
        assertEquals(List.of(register + ": 0x4, 0x5"), Recordings.differences(result));
        assertEquals(2, result.events());
        machine.inspected = false;
        String event = line.split("'", -1)[1];
        assertEquals(
                List.of("1 from 2: the backend has no inspection: " + event),
                Recordings.skips(replay(read + "'0x4'}", ADD)),
                "the call is made");
    }

    @Test
    void whatTheHarnessWroteIsWrittenAndWhatWasThereCompared() {
        machine.words.putAll(Map.of("td of 0x8000", 0x9000L, "lock SIZE_2M 0x102000000", 1L, "td 0x9000 EPOCH", 2L));
        ReplayResult result = replay(
                "{'harness': 'set_lock', 'level': '2m', 'pa': '0x102000001', 'raw': '0x4', 'old': '0x3'}",
                "{'harness': 'release_lock', 'level': '2m', 'pa': '0x102000001', 'raw': '0x0', 'old': '0x4'}",
                "{'harness': 'set_td_lock', 'lock': 'epoch', 'vp': '0x8000', 'raw': '0x5', 'old': '0x0'}",
                "{'harness': 'set_td_lock', 'lock': 'epoch', 'vp': '0x8000', 'raw': '0x6'}",
                "{'harness': 'kot_lock', 'raw': '0x7'}",
                "{'harness': 'rdseed_fails', 'value': 1}",
                "{'harness': 'rdseed_fails', 'value': 0}",
                "{'harness': 'interrupt_pending', 'value': 1}",
                "{'harness': 'interrupt_pending', 'value': 0}");
        assertEquals(
                List.of(
                        "lock SIZE_2M 0x102000000 := 0x4",
                        "lock SIZE_2M 0x102000000 := 0x0",
                        "td 0x9000 EPOCH := 0x5",
                        "td 0x9000 EPOCH := 0x6",
                        "kot := 0x7",
                        "entropy fails: true",
                        "entropy fails: false",
                        "interrupt pending: true",
                        "interrupt pending: false"),
                machine.log);
        assertEquals(List.of("lock before: 0x3, 0x1", "lock before: 0x0, 0x2"), Recordings.differences(result));
        assertEquals(9, result.events());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "set_lock, 'level': '2m' | 'pa': 0 | 'raw': 0",
                "release_lock, 'level': '2m' | 'pa': 0 | 'raw': 0",
                "set_td_lock, 'lock': 'epoch' | 'vp': 0 | 'raw': 0",
                "set_sept_entry, 'gpa': 0 | 'level': 0 | 'raw': 0 | 'old': 0",
                "kot_lock, 'raw': 0",
                "rdseed_fails, 'value': 1",
                "interrupt_pending, 'value': 1"
            })
    void withoutInspectionNothingIsMadeAfterTheModuleWasToBeChanged(String event, String fields) {
        machine.inspected = false;
        ReplayResult result = replay(
                ADD,
                "{'harness': '" + event + "', " + fields.replace(" |", ",") + "}",
                "{'note': 'a comment is no line of the recording'}",
                "{'note': 'an event is', 'harness': 'read_lock', 'level': '2m', 'pa': 0, 'raw': 0}",
                ADD);
        assertEquals(1, result.calls());
        assertEquals(0, result.events());
        assertEquals(
                List.of("3 from 3: the backend has no inspection: " + event + ", and all calls that follow"),
                Recordings.skips(result));
    }

    @Test
    void whatIsOfAnUnknownKindIsSkippedAlone() {
        ReplayResult result = replay("{'harness': 'dance'}", "{'what': 'a line'}", ADD);
        assertEquals(
                List.of("1 from 2: an event of unknown kind: dance", "1 from 3: a line of unknown kind"),
                Recordings.skips(result));
        assertEquals(1, result.calls());
        assertEquals(0, result.events());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "'read_td_lock' | 'lock': 'front door' | 'vp': 1 | 'raw': 0, no lock of a TD is named \"\"front door\"\"",
                "'read_lock' | 'level': '3t' | 'pa': 1 | 'raw': 0, no level is named \"\"3t\"\"",
                "'set_lock' | 'level': '2m' | 'pa': 1, field 'raw' is missing",
                "'fill_page' | 'pa': '1' | 'value': 0, \"\"\"1\"\" is not a number\""
            })
    void aMistakeInTheRecordingIsFoundWhenItIsRead(String line, String mistake) {
        assertEquals(
                "recording.jsonl, line 3 cannot be understood: " + mistake.replace("\"\"", "\""),
                Recordings.mistake(directory, Recordings.HEADER, ADD, "{'harness': " + line.replace(" |", ",") + "}"));
    }

    @Test
    void aNoteSaysWhenTdParamsWereWritten() {
        replay("{'note': 'TD_PARAMS written: attributes=0x10000000 num_l2_vms=2 as usual'}", "{'note': 'TD_PARAMS'}");
        assertEquals(
                List.of(
                        "memory 0x130000 := 0x10000000",
                        "memory 0x130008 := 0x3",
                        "memory 0x130010 := 0x20004",
                        "memory 0x130018 := 0x1e",
                        "memory 0x130028 := 0x28",
                        "memory 0x130000 := 0x0",
                        "memory 0x130008 := 0x3",
                        "memory 0x130010 := 0x4",
                        "memory 0x130018 := 0x1e",
                        "memory 0x130028 := 0x28"),
                machine.log);
    }

    @ParameterizedTest
    @CsvSource({
        "0x8000000000000000, 0x8000000000000000",
        "0xffffffffffffffff, 0xffffffffffffffff",
        "268435456, 0x10000000"
    })
    void aNoteMaySetEveryBitOfTheAttributes(String written, String attributes) {
        replay("{'note': 'TD_PARAMS attributes=" + written + "'}");
        assertEquals("memory 0x130000 := " + attributes, machine.log.get(0));
    }

    @Test
    void aNoteWhoseAttributesAreNoNumberIsFoundWhenItIsRead() {
        assertEquals(
                "recording.jsonl, line 3 cannot be understood: 0x is not a number",
                Recordings.mistake(directory, Recordings.HEADER, ADD, "{'note': 'TD_PARAMS attributes=0x'}"));
    }

    private static String setSept(String more) {
        return "{'harness': 'set_sept_entry', 'gpa': '0x1000', 'level': 0, 'old': '0x3', 'raw': '0x4'" + more + "}";
    }

    private static String create(String tdr) {
        return CREATE.formatted(tdr, "0x0");
    }

    private List<String> septWrites() {
        return machine.log.stream().filter(entry -> entry.startsWith("sept")).toList();
    }

    @Test
    void aSeptEntryIsWrittenToTheTdOfTheVcpuThatIsNamed() {
        machine.words.putAll(Map.of("td of 0x8000", 0x9000L, "sept 0x9000 0x1000 0", 5L));
        assertEquals(List.of("sept before: 0x3, 0x5"), differences(setSept(", 'vp': '0x8000'")));
        assertEquals(List.of("sept 0x9000 0x1000 0 := 0x4"), septWrites());
    }

    @Test
    void aSeptEntryIsWrittenToTheOneTdThatHasTheOldOne() {
        machine.words.putAll(Map.of("sept 0x9000 0x1000 0", 5L, "sept 0xa000 0x1000 0", 3L));
        assertEquals(List.of(), differences(create("0xb000"), create("0x9000"), create("0xa000"), setSept("")));
        assertEquals(List.of("sept 0xa000 0x1000 0 := 0x4"), septWrites());
    }

    @Test
    void aTdThatWasNotCreatedIsNone() {
        machine.words.put("sept 0x9000 0x1000 0", 3L);
        assertEquals(List.of("sept before: 0x3, no TD has it"), differences(setSept("")));
        machine.module = (processor, rax, regs) -> TdxStatus.HKID_NOT_FREE.code();
        assertEquals(
                List.of("sept before: 0x3, no TD has it"),
                differences(CREATE.formatted("0x9000", "0xC000082000000000"), setSept("")));
        assertEquals(List.of(), septWrites());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "{'leaf': 'x' | 'leaf_no': 7 | 'in': {'rdx': '0xa000'} | 'out': {'rax': 0}}, 0xa000",
                "{'leaf': 'x' | 'leaf_no': 7 | 'in': {'rdx': '0x9000'} | 'out': {'rax': 0}}, 0x9000",
                "{'harness': 'read_td_lock' | 'lock': 'epoch' | 'vp': '0x8000' | 'raw': 0}, 0xa000",
                "{'harness': 'set_td_lock' | 'lock': 'epoch' | 'vp': '0x8000' | 'raw': 0}, 0xa000",
                "{'harness': 'read_sept_entry' | 'gpa': 0 | 'level': 0 | 'vp': '0x8000' | 'raw': 0}, 0xa000",
                "{'harness': 'set_sept_entry' | 'gpa': 0 | 'level': 0 | 'vp': '0x8000' | 'raw': 0 | 'old': 0}, 0xa000",
                "{'note': 'neither is named'}, 0x9000"
            })
    void ofSeveralTdsThatHaveTheOldOneItIsTheOneThatIsNamedNext(String following, String written) {
        machine.words.putAll(Map.of("sept 0x9000 0x1000 0", 3L, "sept 0xa000 0x1000 0", 3L, "td of 0x8000", 0xa000L));
        machine.words.put("sept 0xa000 0x0 0", 0L);
        String other = "{'leaf': 'x', 'leaf_no': 7, 'in': {}, 'out': {'rax': 0}}";
        assertEquals(
                List.of(),
                differences(create("0x9000"), create("0xa000"), setSept(""), other, following.replace(" |", ",")));
        assertEquals(
                List.of("sept " + written + " 0x1000 0 := 0x4"),
                septWrites().stream()
                        .filter(write -> write.contains(" 0x1000 "))
                        .toList());
    }

    @Test
    void aStepOfAGuestNamesItsTdToo() {
        machine.words.putAll(Map.of("sept 0x9000 0x1000 0", 3L, "sept 0xa000 0x1000 0", 3L, "td of 0x8000", 0xa000L));
        String step = "{'guest_event': 'external interrupt', 'lp': 1, 'vp': '0x8000', 'status': 's'}";
        assertEquals(
                List.of("guest: a vCPU inside on processor 1, none"),
                differences(create("0x9000"), create("0xa000"), setSept(""), step));
        assertEquals(List.of("sept 0xa000 0x1000 0 := 0x4"), septWrites());
    }

    @Test
    void aTdThatWasNamedBeforeIsNotTheOneThatIsNamedNext() {
        machine.words.putAll(Map.of("sept 0x9000 0x1000 0", 3L, "sept 0xa000 0x1000 0", 3L));
        String naming = "{'leaf': 'x', 'leaf_no': 7, 'in': {'rdx': '%s'}, 'out': {'rax': 0}}";
        assertEquals(
                List.of(),
                differences(
                        create("0x9000"),
                        create("0xa000"),
                        naming.formatted("0xa000"),
                        setSept(""),
                        naming.formatted("0x9000")));
        assertEquals(List.of("sept 0x9000 0x1000 0 := 0x4"), septWrites());
    }

    @Test
    void aBackendThatLosesItsModuleDiffersOnceAndIsAskedNoMore() {
        machine.module = (processor, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        ReplayResult result = replay(ADD, ADD, "{'note': 'a comment'}", ADD);
        assertEquals(List.of("rax: TDX_SUCCESS, the backend lost its module: gone"), Recordings.differences(result));
        assertEquals(
                List.of("2 from 3: the backend lost its module earlier in the recording"), Recordings.skips(result));
        assertEquals(1, machine.log.size());
        assertEquals(
                List.of("rax: the recorded outcome, the backend lost its module: gone"),
                differences("{'leaf': 'x', 'leaf_no': 7, 'in': {}, 'out': {'rax': 0}}"));
    }

    @Test
    void aBackendThatThrowsDiffersAndIsAskedAgain() {
        machine.module = (processor, rax, regs) -> {
            throw new IllegalStateException("broken");
        };
        String difference = "rax: a status, the backend threw java.lang.IllegalStateException: broken";
        assertEquals(List.of(difference, difference), differences(ADD, ADD));
    }
}
