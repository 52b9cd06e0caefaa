package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What comes of a replay, and how it is told. */
class ResultTest {
    private static final Difference DIFFERENCE = new Difference("file", 5, -1, "LEAF", "rdx", "0x1", "0x2");
    private static final Skip SKIP = new Skip("another machine", 1, 1);

    private static final Map<TdxOperand, Long> NO_REGISTERS =
            SeamcallRegisters.OPERANDS.stream().collect(Collectors.toMap(Function.identity(), register -> 0L));

    private static ReplayResult result(int calls, List<Difference> differences) {
        return new ReplayResult("file", calls, 0, new TreeMap<>(), differences, List.of(SKIP));
    }

    @Test
    void aRecordingPassesIfCallsWereMadeAndNothingDiffers() {
        assertTrue(result(1, List.of()).passed());
        assertFalse(result(1, List.of()).skipped());
        assertFalse(result(1, List.of(DIFFERENCE)).passed());
        assertFalse(result(1, List.of(DIFFERENCE)).skipped());
    }

    @Test
    void aRecordingThatWasSkippedAsAWholeDoesNotPass() {
        assertTrue(result(0, List.of()).skipped());
        assertFalse(result(0, List.of()).passed());
    }

    @Test
    void aModuleThatDoesNotComeUpFailsAndIsNotSkipped() {
        assertFalse(result(0, List.of(DIFFERENCE)).passed());
        assertFalse(result(0, List.of(DIFFERENCE)).skipped());
    }

    @Test
    void aDifferenceIsAtItsCallOrAtItsLineIfThatIsNone() {
        assertEquals("file  line 5  LEAF  rdx  expected 0x1  got 0x2", DIFFERENCE.toString());
        assertEquals(
                "file  n 0  LEAF  rdx  expected 0x1  got 0x2",
                new Difference("file", 5, 0, "LEAF", "rdx", "0x1", "0x2").toString());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "`{\"leaf\": \"A\", \"leaf_no\": 7, \"in\": {}, \"harness\": \"B\"}`, A",
                "`{\"tdcall\": \"A\", \"leaf_no\": 6, \"in\": {}, \"lp\": 0, \"vp\": 0, \"status\": \"s\"}`, A",
                "`{\"harness\": \"A\"}`, A",
                "`{\"guest_event\": \"A\", \"lp\": 0, \"vp\": 0, \"status\": \"s\"}`, A",
                "`{\"guest_access\": \"read\", \"gpa\": 0, \"lp\": 0, \"vp\": 0, \"status\": \"s\"}`, guest read",
                "`{\"note\": \"A\"}`, note",
                "`{\"n\": 1}`, note"
            })
    void aLineIsNamedByWhatItIs(String line, String name) throws Exception {
        Header header = new Header(null, null, NO_REGISTERS, NO_REGISTERS);
        ResultBuilder result = new ResultBuilder("file");
        result.at(new LineParser(header).parse(1, JsonValue.parse(line)).place());
        result.differ("rax", "0x0", "0x1");
        assertEquals(name, result.build().differences().get(0).leaf());
    }

    @Test
    void linesThatAreSkippedForOneReasonAreCountedTogether() throws Exception {
        ResultBuilder result = new ResultBuilder("file");
        for (int line = 3; line < 6; line++) {
            result.at(new Line.Place(line, -1, "note"));
            result.skip(line == 4 ? "another" : "one");
        }
        assertEquals(
                List.of(new Skip("one", 2, 3), new Skip("another", 1, 4)),
                result.build().skips());
    }

    @Test
    void aRecordingWithoutAnythingSaysSo() throws Exception {
        ResultBuilder result = new ResultBuilder("file");
        result.at(new Line.Place(2, -1, "note"));
        assertEquals(List.of(new Skip("it has no call", 1, 2)), result.build().skips());
        result.call("s");
        assertEquals(1, result.build().calls());
    }

    @Test
    void aStatusReadsAsRecordingsGlossIt() {
        assertEquals("TDX_SUCCESS", Registers.gloss(0));
        assertEquals("TDX_OPERAND_BUSY/RCX", Registers.gloss(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)));
        assertEquals("TDX_PAMT_PAGE_NOT_EMPTY/pair_page_1", Registers.gloss(TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1)));
        assertEquals("0x8000ff0000000001", Registers.gloss(0x8000_FF00_0000_0001L));
    }
}
