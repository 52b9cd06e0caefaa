package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which outcomes of a race are known. Processor 0 makes two calls, processor 1 makes one. */
class RaceTest {
    private static final String CALL = "{'leaf': 'TDH.PHYMEM.PAMT.ADD', 'leaf_no': 58, 'in': {'rcx': '%s'}}";
    private static final String OUTCOME = "{'t1': ['TDX_SUCCESS', 'TDX_SUCCESS'], 't2': ['TDX_OPERAND_BUSY/RCX'],"
            + " 't1_out': [{}, {'rdx': '0x7'}], 't2_out': [{'r8': '0x8'}], 'final': 'A=NDA'}";
    private static final String KNOWN = "[TDX_SUCCESS, TDX_SUCCESS rdx=0x7] || [TDX_OPERAND_BUSY/RCX r8=0x8] : A=NDA";

    private final FakeMachine machine = new FakeMachine();

    @TempDir
    private Path directory;

    private String setup = "[]";
    private String watch = "{}";
    private String regions = "{'A': '0x102000000'}";
    private String outcomes = "[" + OUTCOME + "]";
    private String allowed = "[]";

    private Recording recording() {
        return Recordings.read(
                directory,
                Recordings.HEADER,
                Recordings.race("other"),
                "{'name': 'race', 'about': 'ADD || ADD', 'regions': " + regions + ", 'watch': " + watch
                        + ", 'setup': " + setup + ", 't1': [" + CALL.formatted("0x1") + ", " + CALL.formatted("0x2")
                        + "], 't2': [" + CALL.formatted("0x3") + "], 'outcomes': " + outcomes
                        + ", 'allowed_by_reading': " + allowed + "}");
    }

    private Litmus.Result run() throws InterruptedException {
        return Litmus.of(machine::open, 1, 1).run(recording(), "race");
    }

    private void assertKnown(String outcome) throws InterruptedException {
        Litmus.Result result = run();
        assertEquals(Map.of(outcome, 1), result.inside());
        assertEquals(Map.of(), result.outside());
        assertTrue(result.passed());
    }

    private void assertUnknown(String outcome) throws InterruptedException {
        Litmus.Result result = run();
        assertEquals(Map.of(outcome, 1), result.outside());
        assertEquals(Map.of(), result.inside());
        assertFalse(result.passed());
    }

    private void answerAsRecorded() {
        machine.module = (processor, rax, regs) -> {
            if (processor == 1) {
                regs.r8 = 8;
                return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
            }
            regs.rdx = 7;
            return 0;
        };
    }

    @Test
    void theCallsOfBothProcessorsAreMadeWithTheirInputs() throws Exception {
        run();
        assertEquals(
                Set.of("0: 0x3a rcx=0x1 r15=0xca0d", "0: 0x3a rcx=0x2 r15=0xca0d", "1: 0x3a rcx=0x3 r15=0xca0d"),
                Set.copyOf(machine.log));
        assertEquals(3, machine.log.size());
        assertEquals(1, machine.closed);
    }

    @Test
    void aRecordedOutcomeIsKnown() throws Exception {
        answerAsRecorded();
        assertKnown(KNOWN);
    }

    @Test
    void anyOfTheRecordedOutcomesIsKnown() throws Exception {
        answerAsRecorded();
        String other = OUTCOME.replace("'TDX_OPERAND_BUSY/RCX'", "'TDX_SUCCESS'");
        outcomes = "[" + OUTCOME + ", " + other + "]";
        assertKnown(KNOWN);
        outcomes = "[" + other + ", " + OUTCOME + "]";
        assertKnown(KNOWN);
        outcomes = "[" + other + "]";
        assertUnknown(KNOWN);
    }

    @Test
    void theStatusOfTheSecondCallCounts() throws Exception {
        answerAsRecorded();
        outcomes = "[" + OUTCOME.replace("['TDX_SUCCESS', 'TDX_SUCCESS']", "['TDX_SUCCESS', 'TDX_SYS_BUSY']") + "]";
        assertUnknown(KNOWN);
        outcomes = "[" + OUTCOME.replace("['TDX_SUCCESS', 'TDX_SUCCESS']", "['TDX_SYS_BUSY', 'TDX_SUCCESS']") + "]";
        assertUnknown(KNOWN);
    }

    @ParameterizedTest
    @CsvSource({"0x7, 0x8", "0x8, 0x7"})
    void theRegistersThatAreListedCount(String recorded, String other) throws Exception {
        answerAsRecorded();
        outcomes = "[" + OUTCOME.replace("'" + recorded + "'", "'" + other + "'") + "]";
        assertUnknown(KNOWN);
    }

    @Test
    void registersThatAreNotListedDoNotCount() throws Exception {
        answerAsRecorded();
        outcomes = "[" + OUTCOME.replace("'t1_out': [{}, {'rdx': '0x7'}], 't2_out': [{'r8': '0x8'}], ", "") + "]";
        assertKnown("[TDX_SUCCESS, TDX_SUCCESS] || [TDX_OPERAND_BUSY/RCX] : A=NDA");
    }

    @ParameterizedTest
    @CsvSource({
        "0x0, 0x0, NDA",
        "0xffffffe0fffe, 0x0, NDA",
        "0x30000, 0x0, REG",
        "0xffffffe30000, 0x0, REG",
        "0x10200000f0000, 0x10200510003ff, 'PAMT(A,A+5)n1023'",
        "0x1021fff0f0000, 0x1022000000c00, 'PAMT(A+511,102200000)n0'",
        "0x101fff00f0000, 0x1020000000001, 'PAMT(101fff000,A)n1'"
    })
    void theEntryOfARegionIsPartOfTheOutcome(String word0, String word1, String entry) throws Exception {
        answerAsRecorded();
        machine.words.put("pamt SIZE_2M 0x102000000 0", Long.decode(word0));
        machine.words.put("pamt SIZE_2M 0x102000000 1", Long.decode(word1));
        outcomes = "[" + OUTCOME.replace("A=NDA", "A=" + entry) + "]";
        assertKnown(KNOWN.replace("A=NDA", "A=" + entry));
        outcomes = "[" + OUTCOME.replace("A=NDA", "A=other") + "]";
        assertUnknown(KNOWN.replace("A=NDA", "A=" + entry));
    }

    @Test
    void watchedWordsArePartOfTheOutcomeAndLocksAreNot() throws Exception {
        answerAsRecorded();
        regions = "{'A': '0x102000000', 'T': '0x103000000'}";
        watch = "{'word': '0x5000', 'oldpair0': '0x6000', 'T.epoch': 0, 'T.chldcnt': 0, 'L.T.sept': '0x7000'}";
        machine.words.putAll(Map.of(
                "memory 0x5000", 0xabcdeL,
                "memory 0x6000", 0xabcdeL,
                "memory 0x7000", 1L,
                "epoch 0x103000000", 17L,
                "child pages 0x103000000", 18L));
        String state = "A=NDA T=NDA word=abcde oldpair0=bcde T.epoch=11 T.chldcnt=12";
        outcomes = "[" + OUTCOME.replace("A=NDA", state) + "]";
        assertKnown(KNOWN.replace("A=NDA", state));
    }

    @ParameterizedTest
    @CsvSource({"0x1, false", "0x2, true", "0x4, false", "0x8000, false"})
    void nothingIsHeldAfterwardsButHostPriority(String lock, boolean known) throws Exception {
        answerAsRecorded();
        regions = "{'B': '0x104000000', 'A': '0x102000000'}";
        outcomes = "[" + OUTCOME.replace("A=NDA", "B=NDA A=NDA") + "]";
        machine.words.put("lock SIZE_2M 0x104000000", Long.decode(lock));
        assertEquals(known, run().passed());
    }

    @Test
    void withoutInspectionTheStateDoesNotCount() throws Exception {
        answerAsRecorded();
        machine.inspected = false;
        outcomes = "[" + OUTCOME.replace("A=NDA", "whatever") + "]";
        assertKnown("[TDX_SUCCESS, TDX_SUCCESS rdx=0x7] || [TDX_OPERAND_BUSY/RCX r8=0x8]");
    }

    @Test
    void anOutcomeThatWasReadInTheCodeIsKnownByItsStatuses() throws Exception {
        answerAsRecorded();
        outcomes = "[" + OUTCOME.replace("'TDX_OPERAND_BUSY/RCX'", "'TDX_SUCCESS'") + "]";
        allowed = "[{'t1': ['TDX_SUCCESS', 'TDX_SUCCESS'], 't2': ['TDX_OPERAND_BUSY/RCX']}]";
        assertKnown(KNOWN);
        allowed = "[{'t1': ['TDX_SUCCESS', 'TDX_SYS_BUSY'], 't2': ['TDX_OPERAND_BUSY/RCX']}]";
        assertUnknown(KNOWN);
        allowed = "[{'t1': ['TDX_SUCCESS', 'TDX_SUCCESS'], 't2': ['TDX_SUCCESS']}]";
        assertUnknown(KNOWN);
    }

    private void stopFatally(int guilty) {
        machine.module = (processor, rax, regs) -> {
            throw new SeamcallUnavailableException("fatal error 343 in TDH.PHYMEM.PAMT.ADD on processor " + guilty);
        };
    }

    @Test
    void afterAFatalErrorTheCallsThatWereNotMadeAndTheStateDoNotCount() throws Exception {
        stopFatally(0);
        outcomes = "[" + OUTCOME.replace("['TDX_SUCCESS', 'TDX_SUCCESS']", "['FATAL_343', 'not run']") + "]";
        machine.words.put("lock SIZE_2M 0x102000000", 1L);
        assertKnown("[FATAL_343, not run] || [not run]");
        assertEquals(2, machine.log.size(), "after its fatal error processor 0 makes no call");
    }

    @Test
    void theFatalErrorIsThatOfTheProcessorThatIsNamed() throws Exception {
        stopFatally(1);
        outcomes = "[" + OUTCOME.replace("'TDX_OPERAND_BUSY/RCX'", "'FATAL_343'") + "]";
        assertKnown("[not run, not run] || [FATAL_343]");
        outcomes = "[" + OUTCOME.replace("'TDX_OPERAND_BUSY/RCX'", "'FATAL_344'") + "]";
        assertUnknown("[not run, not run] || [FATAL_343]");
    }

    @Test
    void anOutcomeThatWasReadMayHaveCallsThatAFatalErrorStopped() throws Exception {
        stopFatally(1);
        outcomes = "[" + OUTCOME + "]";
        allowed = "[{'t1': ['TDX_SUCCESS', 'TDX_SUCCESS'], 't2': ['FATAL_343']}]";
        assertKnown("[not run, not run] || [FATAL_343]");
    }

    @Test
    void aModuleThatIsOutOfReachWithoutAFatalErrorIsUnknown() throws Exception {
        machine.module = (processor, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        assertUnknown("[not run, not run rdx=0x0] || [not run r8=0x0] : A=NDA");
    }

    @Test
    void theSetupIsMadeOnProcessor0BeforeTheRace() throws Exception {
        answerAsRecorded();
        setup = "[{'harness': 'td_params'}, {'leaf': 'TDH.MNG.CREATE', 'leaf_no': 9, 'in': {'rcx': '0x9'},"
                + " 'status': 'TDX_SUCCESS'}]";
        assertKnown(KNOWN);
        assertEquals("memory 0x130000 := 0x0", machine.log.get(0));
        assertEquals("memory 0x130010 := 0x4", machine.log.get(2));
        assertEquals("0: 0x9 rcx=0x9 r15=0xca0d", machine.log.get(5));
    }

    @Test
    void aSetupThatAnswersOtherwiseEndsTheRun() {
        answerAsRecorded();
        setup = "[{'leaf': 'TDH.MNG.CREATE', 'leaf_no': 9, 'in': {}, 'status': 'TDX_SYS_BUSY'}]";
        RuntimeException ended = assertThrows(RuntimeException.class, this::run);
        assertEquals(
                "in the setup of race TDH.MNG.CREATE gave TDX_SUCCESS, recorded was TDX_SYS_BUSY", ended.getMessage());
        assertEquals(1, machine.closed);
    }

    @Test
    void aBackendThatThrowsOnProcessor1EndsTheRun() {
        machine.module = (processor, rax, regs) -> {
            if (processor == 1) {
                throw new IllegalStateException("broken");
            }
            return 0;
        };
        RuntimeException ended = assertThrows(IllegalStateException.class, this::run);
        assertEquals("the backend threw on processor 1: java.lang.IllegalStateException: broken", ended.getMessage());
        assertEquals(1, machine.closed);
    }

    @Test
    void everyRoundHasAMachineAndIsTold() throws Exception {
        answerAsRecorded();
        setup = "[{'leaf': 'TDH.MNG.CREATE', 'leaf_no': 9, 'in': {}, 'status': 'TDX_SUCCESS'}]";
        Litmus.Result result = Litmus.of(machine::open, 3, 7)
                .withListener(new Litmus.RaceListener() {
                    @Override
                    public void raceBegins() {
                        machine.log.add("begins");
                    }

                    @Override
                    public void raceEnds() {
                        machine.log.add("ends");
                    }
                })
                .run(recording(), "race");
        assertEquals(new Litmus.Result("race", "ADD || ADD", 3, result.inside(), result.outside(), 1), result);
        assertEquals(Map.of(KNOWN, 3), result.inside());
        assertEquals(3, machine.opened);
        assertEquals(3, machine.closed);
        assertEquals(18, machine.log.size());
        for (int round = 0; round < 3; round++) {
            List<String> events = machine.log.subList(6 * round, 6 * round + 6);
            assertEquals("0: 0x9 r15=0xca0d", events.get(0));
            assertEquals("begins", events.get(1));
            assertEquals("ends", events.get(5));
        }
    }

    @Test
    void theThreadOfProcessor1KeepsNobodyAndIsGoneAfterTheRun() throws Exception {
        List<Thread> threads = new CopyOnWriteArrayList<>();
        machine.module = (processor, rax, regs) -> {
            if (processor == 1) {
                threads.add(Thread.currentThread());
            }
            return 0;
        };
        run();
        assertEquals("litmus-processor-1", threads.get(0).getName());
        assertTrue(threads.get(0).isDaemon());
        threads.get(0).join(TimeUnit.SECONDS.toMillis(5));
        assertFalse(threads.get(0).isAlive());
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        IllegalArgumentException rounds =
                assertThrows(IllegalArgumentException.class, () -> Litmus.of(machine::open, 0, 1));
        assertEquals("a race is run at least once, not 0 times", rounds.getMessage());
        IllegalArgumentException name =
                assertThrows(IllegalArgumentException.class, () -> Litmus.of(machine::open, 1, 1)
                        .run(recording(), "absent"));
        assertEquals("recording.jsonl has no race named 'absent'", name.getMessage());
    }

    @Test
    void aRaceThatMakesNoSenseIsRefused() {
        String call = CALL.formatted("0x1");
        String recorded = "{'name': 'race', 't1': [" + call + "], 't2': [], 'regions': {}, 'watch': {},"
                + " 'setup': [%s], 'outcomes': [%s], 'allowed_by_reading': []}";
        String outcome = "{'t1': ['a'], 't2': [], 'final': ''}";
        assertEquals(
                "recording.jsonl, line 2 cannot be understood: a race has no outcome",
                Recordings.mistake(directory, Recordings.HEADER, recorded.formatted("", "")));
        assertEquals(
                "recording.jsonl, line 2 cannot be understood: an outcome has something for each of 1 calls, not [a, b]",
                Recordings.mistake(
                        directory, Recordings.HEADER, recorded.formatted("", outcome.replace("'a'", "'a', 'b'"))));
        assertEquals(
                "recording.jsonl, line 2 cannot be understood: field 'status' is missing",
                Recordings.mistake(directory, Recordings.HEADER, recorded.formatted(call, outcome)));
        watch = "{'U.epoch': 0}";
        assertEquals(
                "U.epoch is watched, but no region is named U",
                assertThrows(IllegalArgumentException.class, this::run).getMessage());
    }

    @Test
    void theOutcomesOfARaceCanBeListed() {
        allowed = "[{'t1': ['a', 'b'], 't2': ['b']}]";
        outcomes = "[{'t1': ['c', 'd'], 't2': ['e'], 'final': 'A=NDA'}]";
        assertEquals(Set.of("[c, d] || [e] : A=NDA", "[a, b] || [b]"), Litmus.allowed(recording(), "race"));
        assertEquals(Collections.emptySet(), Litmus.allowed(recording(), "absent"));
    }
}
