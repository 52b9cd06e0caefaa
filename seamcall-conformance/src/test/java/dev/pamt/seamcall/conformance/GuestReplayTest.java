package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import dev.pamt.seamcall.harness.GuestDriver.StepResult;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The guest's side of a recording. The vCPU 0x8000 of the TD 0x9000 is on processor 1. */
class GuestReplayTest {
    private static final String ENTER = "{'leaf': 'TDH.VP.ENTER', 'leaf_no': 0, 'lp': 1, 'in': {'rcx': '0x8000'},"
            + " 'out': null, 'status': 'ENTERED', 'guest_rax': 0}";
    private static final String ACCEPT = "{'tdcall': 'TDG.MEM.PAGE.ACCEPT', 'leaf_no': 6, 'lp': 1, 'vp': '0x8000',"
            + " 'in': {'rcx': '0x200001'}, 'status': 's', ";
    private static final String ACCEPTED = ACCEPT + "'out': {'rax': '0x0'}}";
    private static final String READ =
            "{'guest_access': 'read', 'gpa': '0x1000', 'lp': 1, 'vp': '0x8000', 'status': 's'";
    private static final String EXIT = READ + ", 'exit': {'rax': '0x30', 'qualification': '0x181',"
            + " 'ext_qualification': '0x6', 'gpa': '0x1000', 'intr_info': '0x7'}}";

    private final FakeMachine machine = new FakeMachine();

    @TempDir
    private Path directory;

    @BeforeEach
    void theVcpuHasATd() {
        machine.words.put("td of 0x8000", 0x9000L);
    }

    private ReplayResult replay(String... lines) {
        return Recordings.replay(directory, machine, lines);
    }

    private List<String> differences(String... lines) {
        return Recordings.differences(replay(lines));
    }

    /** A step of a guest that has been entered. */
    private List<String> differencesOf(String line, StepOutcome outcome, long value) {
        machine.steps.add(new StepResult(outcome, value));
        return differences(ENTER, line);
    }

    @Test
    void aVcpuIsEnteredAndSwitchedTo64BitMode() {
        ReplayResult result = replay(ENTER);
        assertEquals(List.of("enter 1: rcx=0x8000 r15=0xca0d", "long mode 1"), machine.log);
        assertEquals(List.of(), result.differences());
        assertEquals(Map.of("TDH.VP.ENTER", Map.of("ENTERED", 1)), result.coverage());
    }

    @Test
    void aGuestStaysIn32BitModeIfTheRecordingSaysSo() {
        replay(ENTER.replace("'status'", "'note': 'stays in 32-bit mode', 'status'"));
        assertEquals(List.of("enter 1: rcx=0x8000 r15=0xca0d"), machine.log);
    }

    @Test
    void raxOfTheGuestIsCompared() {
        machine.words.put("guest rax 1", 5L);
        assertEquals(List.of("guest rax: 0x0, 0x5"), differences(ENTER));
        assertEquals(List.of(), differences(ENTER.replace(", 'guest_rax': 0", "")));
    }

    @Test
    void aVcpuThatIsNotEnteredIsADifference() {
        machine.entered = TdxStatus.VCPU_ASSOCIATED.code();
        assertEquals(List.of("rax: the vCPU is entered, TDX_VCPU_ASSOCIATED (0x8000070100000000)"), differences(ENTER));
        assertEquals(1, machine.log.size(), "and there is no guest to be switched");
    }

    @Test
    void aVcpuThatIsEnteredAgainstTheRecordingIsADifference() {
        String refused = ENTER.replace("null", "{'rax': '0x8000070100000000'}");
        assertEquals(
                List.of("rax: TDX_VCPU_ASSOCIATED (0x8000070100000000), the vCPU is entered"), differences(refused));
        machine.entered = TdxStatus.VCPU_ASSOCIATED.code();
        assertEquals(List.of(), differences(refused));
    }

    @Test
    void withoutGuestsTheRecordingIsReplayedUpToTheFirstOne() {
        machine.guests = false;
        ReplayResult result = replay(ENTER, ACCEPTED);
        assertEquals(
                List.of("2 from 2: the backend has no guests that a harness can drive, and a vCPU is entered"),
                Recordings.skips(result));
        assertEquals(0, result.calls());
        assertTrue(replay(ENTER.replace("null", "{'rax': '0x0'}")).passed(), "a VP.ENTER that is refused needs none");
        assertEquals(List.of("1: 0x0 rcx=0x8000 r15=0xca0d"), machine.log);
    }

    @Test
    void aStepWithoutAVcpuInsideIsADifference() {
        ReplayResult result = replay(ACCEPTED);
        assertEquals(List.of("guest: a vCPU inside on processor 1, none"), Recordings.differences(result));
        assertEquals(0, result.calls());
    }

    @Test
    void aTdcallIsMadeWithTheRegistersOfTheGuest() {
        assertEquals(List.of(), differencesOf(ACCEPTED, StepOutcome.DONE, 0));
        assertEquals(
                List.of(
                        "advance 1",
                        "interrupt after -1",
                        "tdcall 1: 0x6 rcx=0x200001 r15=0xbeef",
                        "interrupt after -1"),
                machine.log.subList(2, 6));
    }

    @Test
    void everyStepIsACallOfTheCoverage() {
        machine.steps.add(new StepResult(StepOutcome.DONE, 0));
        machine.steps.add(new StepResult(StepOutcome.DONE, 0));
        machine.steps.add(new StepResult(StepOutcome.DONE, 0));
        ReplayResult result = replay(
                ENTER,
                ACCEPTED,
                READ + "}",
                "{'guest_event': 'external interrupt', 'lp': 1, 'vp': '0x8000', 'status': 's'}");
        assertEquals(4, result.calls());
        assertEquals(
                Map.of(
                        "TDH.VP.ENTER", Map.of("ENTERED", 1),
                        "TDG.MEM.PAGE.ACCEPT", Map.of("s", 1),
                        "guest read", Map.of("s", 1),
                        "external interrupt", Map.of("s", 1)),
                result.coverage());
    }

    @Test
    void raxAndTheRegistersOfATdcallAreCompared() {
        machine.onTdcall = regs -> regs.r8 = 9;
        assertEquals(
                List.of(
                        "guest rax: TDX_SUCCESS (0x0000000000000000), TDX_OPERAND_INVALID|RCX (0xc000010000000001)",
                        "guest r8: 0x0, 0x9"),
                differencesOf(ACCEPTED, StepOutcome.DONE, 0xC000_0100_0000_0001L));
        assertEquals(List.of(), differencesOf(ACCEPT + "'out': {'rax': '0x0', 'r8': '0x9'}}", StepOutcome.DONE, 0));
    }

    @Test
    void aModuleThatIsLostInATdcallIsADifference() {
        machine.onTdcall = regs -> {
            throw new SeamcallUnavailableException("gone");
        };
        assertEquals(
                List.of("rax: s, the backend lost its module: gone"), differencesOf(ACCEPTED, StepOutcome.DONE, 0));
    }

    @Test
    void theSeptEntryIsComparedBeforeAndAfterATdcall() {
        machine.words.put("sept 0x9000 0x200000 1", 5L);
        machine.onTdcall = regs -> machine.words.put("sept 0x9000 0x200000 1", 6L);
        String line = ACCEPT + "'out': {'rax': '0x0'}, 'sept': [0, %s]}";
        assertEquals(List.of(), differencesOf(line.formatted("'0x5', '0x6'"), StepOutcome.DONE, 0));
        machine.words.put("sept 0x9000 0x200000 1", 4L);
        assertEquals(
                List.of("sept before: 0x5, 0x4", "sept after: 0x7, 0x6"),
                differencesOf(line.formatted("'0x5', '0x7'"), StepOutcome.DONE, 0));
        assertEquals(
                List.of("sept before: 0x5, 0x6"),
                differencesOf(line.formatted("'0x5'"), StepOutcome.DONE, 0),
                "without an entry afterwards only the one before");
    }

    @Test
    void theSeptEntryIsReadWhereTheWalkEndedIfThatIsHigher() {
        machine.words.put("sept 0x9000 0x200000 2", 5L);
        assertEquals(
                List.of("sept before: 0x4, 0x5"),
                differencesOf(ACCEPT + "'out': {'rax': '0x0'}, 'sept': [2, '0x4', '0x5']}", StepOutcome.DONE, 0));
    }

    @ParameterizedTest
    @CsvSource({"read, READ", "write, WRITE", "exec, EXECUTE"})
    void memoryIsAccessed(String name, String access) {
        machine.words.put("sept 0x9000 0x1000 0", 5L);
        String line = READ.replace("'read'", "'" + name + "'") + ", 'sept': [0, '0x4']}";
        assertEquals(List.of("sept before: 0x4, 0x5"), differencesOf(line, StepOutcome.DONE, 0));
        assertEquals(
                List.of(
                        "advance 1",
                        "guest rax 1 := 0x0",
                        "interrupt after -1",
                        access + " 1: 0x1000",
                        "interrupt after -1"),
                machine.log.subList(2, 7));
    }

    @Test
    void anAccessOfAnotherKindIsAMistakeInTheRecording() {
        assertEquals(
                "recording.jsonl, line 3 cannot be understood: no access is named \"smell\"",
                Recordings.mistake(directory, Recordings.HEADER, ENTER, READ.replace("'read'", "'smell'") + "}"));
    }

    @Test
    void anInterruptArrivesWhenTheRecordingSays() {
        differencesOf(
                "{'guest_event': 'external interrupt', 'lp': 1, 'vp': '0x8000', 'status': 's',"
                        + " 'interrupt_after_polls': 3, 'same_rip': true, 'hp_timeout_expired': true}",
                StepOutcome.DONE,
                0);
        assertEquals(
                List.of(
                        "guest rax 1 := 0x0",
                        "clock + 2000000000",
                        "interrupt after 3",
                        "interrupt 1",
                        "interrupt after -1"),
                machine.log.subList(2, 7));
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "'out': {'rax': 0}, DONE, EXIT",
                "'inject': {'vector': 20}, EXCEPTION, DONE",
                "'interrupted': true, INTERRUPTED, EXCEPTION"
            })
    void anotherOutcomeOfAStepIsADifference(String recorded, StepOutcome expected, StepOutcome other) {
        String line = ACCEPT + recorded + "}";
        assertEquals(List.of(), differencesOf(line, expected, expected == StepOutcome.EXCEPTION ? 20 : 0));
        assertEquals(List.of("guest: " + expected + ", " + other + " 0x14"), differencesOf(line, other, 20));
    }

    @Test
    void theVectorOfAnExceptionIsCompared() {
        assertEquals(
                List.of("vector: 0x14, 0xd"),
                differencesOf(ACCEPT + "'inject': {'vector': 20}}", StepOutcome.EXCEPTION, 13));
    }

    private void theGuestExitsAsRecorded() {
        machine.onExit = regs -> {
            regs.clear();
            regs.rcx = 0x181;
            regs.rdx = 6;
            regs.r8 = 0x1000;
            regs.r9 = 7;
        };
    }

    @Test
    void anExitIsCompared() {
        theGuestExitsAsRecorded();
        assertEquals(List.of(), differencesOf(EXIT, StepOutcome.EXIT, 0x30));
        assertEquals(List.of("exit rax: 0x30, 0x31"), differencesOf(EXIT, StepOutcome.EXIT, 0x31));
        assertEquals(List.of("guest: EXIT, DONE 0x0"), differencesOf(EXIT, StepOutcome.DONE, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"rcx", "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"})
    void everyRegisterOfAnExitIsCompared(String register) {
        theGuestExitsAsRecorded();
        String listed = EXIT.replace("'intr_info'", "'regs': {'" + register + "': '0xbad'}, 'intr_info'");
        List<String> differences = differencesOf(listed, StepOutcome.EXIT, 0x30);
        assertEquals(1, differences.size());
        assertTrue(differences.get(0).startsWith("exit " + register + ": 0xbad, "), differences::toString);
        machine.onExit =
                machine.onExit.andThen(regs -> regs.set(SeamcallRegisters.OPERANDS.get(indexOf(register)), 0xbad));
        assertEquals(List.of(), differencesOf(listed, StepOutcome.EXIT, 0x30));
        assertEquals(1, differencesOf(EXIT, StepOutcome.EXIT, 0x30).size(), "what is not listed is 0");
    }

    private static int indexOf(String register) {
        return SeamcallRegisters.OPERANDS.stream().map(Registers::name).toList().indexOf(register);
    }

    @Test
    void afterAnExitTheVcpuIsOutside() {
        theGuestExitsAsRecorded();
        machine.steps.add(new StepResult(StepOutcome.EXIT, 0x30));
        assertEquals(List.of("guest: a vCPU inside on processor 1, none"), differences(ENTER, EXIT, ACCEPTED));
        machine.steps.add(new StepResult(StepOutcome.EXIT, 0x30));
        assertEquals(
                List.of("guest: DONE, EXIT 0x30", "guest: a vCPU inside on processor 1, none"),
                differences(ENTER, READ + "}", ACCEPTED),
                "one that was not recorded, too");
    }
}
