package dev.pamt.seamcall.emulator.metadata;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fields are found by class and code, enumerated element by element, written under a mask, and dumped in sequences. */
class MetadataTableTest {
    private static final long BYTE = 0x1000_0000_0000_0000L;
    private static final long PAIRS = 0x1100_0003_0000_0010L;
    private static final long ADDRESS = 0x1200_0003_0000_0000L;
    private static final long WORD = 0x1200_0001_0000_0001L;

    private final long[] written = {-1, 0x55};
    private final SeamcallRegisters regs = new SeamcallRegisters();
    private final MetadataTable<long[]> table = new MetadataTable<>(List.of(
            MetadataField.readOnly(BYTE, (of, element) -> 0x1FF),
            MetadataField.array(PAIRS, 2, 2, (of, element) -> 100 + element),
            new MetadataField<>(ADDRESS, 1, 1, (of, element) -> of[0], 0xFF0, (of, value) -> store(of, 0, value)),
            new MetadataField<>(WORD, 1, 1, (of, element) -> of[1], 0xF0, (of, value) -> store(of, 1, value))));

    private static long store(long[] of, int index, long value) {
        if (value == 0xBAD0) {
            return TdxStatus.METADATA_FIELD_VALUE_NOT_VALID.code();
        }
        of[index] = value;
        return 0;
    }

    private void assertRead(long status, long value, long next, long id) {
        regs.rdx = 7;
        regs.r8 = 7;
        assertEquals(status, table.read(written, id, true, regs));
        assertEquals(value, regs.r8);
        assertEquals(next, regs.rdx);
    }

    @Test
    void fieldsAreEnumeratedElementByElement() {
        assertRead(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT.code(), 7, BYTE, -1);
        assertRead(0, 0xFF, PAIRS, BYTE);
        for (int i = 0; i < 4; i++) {
            assertRead(0, 100 + i, i < 3 ? PAIRS + i + 1 : ADDRESS, PAIRS + i);
        }
        assertRead(0, -1, WORD, ADDRESS);
        assertRead(0, 0x55, -1, WORD);
    }

    @Test
    void theContextAndTheSizeInAnIdDoNotCount() {
        assertRead(0, 101, PAIRS + 2, PAIRS + 1 | 5L << 52);
        assertRead(0, 101, PAIRS + 2, (PAIRS + 1) & ~(3L << 32));
        assertRead(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT.code(), 7, BYTE, ~(5L << 52));
    }

    @ParameterizedTest
    @ValueSource(ints = {24, 31, 34, 37, 38, 46, 47, 49, 55, 62})
    void reservedBitsAndThoseOfASequenceMustBeZero(int bit) {
        assertRead(TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), 7, 7, BYTE | 1L << bit);
    }

    @Test
    void anIdOfNoFieldIsIncorrect() {
        for (long id : new long[] {BYTE + 1, PAIRS - 1, PAIRS + 4, 0x1300_0003_0000_0000L}) {
            assertRead(TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), 7, 7, id);
        }
    }

    @Test
    void withoutEnumerationNoFieldIsAnIdLikeAnyOther() {
        assertEquals(TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), table.read(written, -1, false, regs));
        regs.rdx = 7;
        assertEquals(0, table.read(written, BYTE, false, regs));
        assertEquals(7, regs.rdx);
    }

    /** Value, mask, status, what is kept: bits that are not in the mask stay, those that cannot be written must not change. */
    @ParameterizedTest
    @CsvSource({
        "0x30, 0xF0, SUCCESS, 0x35",
        "0x30, 0x10, SUCCESS, 0x55",
        "0x35, 0xFFFF, SUCCESS, 0x35",
        "0x34, 0xFFFF, METADATA_FIELD_VALUE_NOT_VALID, 0x55",
        "0x10035, -1, METADATA_FIELD_VALUE_NOT_VALID, 0x55",
        "0x3F, 0xF0, SUCCESS, 0x35",
        "0x30, 0x0F, METADATA_FIELD_NOT_WRITABLE, 0x55"
    })
    void aWriteChangesTheBitsOfItsMask(String value, String mask, TdxStatus status, String kept) {
        assertEquals(status.code(), table.write(written, WORD, Long.decode(value), Long.decode(mask), regs));
        assertEquals(Long.decode(kept), written[1]);
        assertEquals(status == TdxStatus.SUCCESS ? 0x55 : 0, regs.r8);
    }

    @Test
    void anAddressThatIsNoneYetIsWrittenAsAWhole() {
        assertEquals(0, table.write(written, ADDRESS, 0x120, -1, regs));
        assertEquals(0x120, written[0]);
        assertEquals(-1, regs.r8);
    }

    @Test
    void whatTheFieldRefusesIsNotWritten() {
        MetadataTable<long[]> wide = new MetadataTable<>(List.of(
                new MetadataField<>(ADDRESS, 1, 1, (of, element) -> 3, -1, (of, value) -> store(of, 0, value))));
        assertEquals(TdxStatus.METADATA_FIELD_VALUE_NOT_VALID.code(), wide.write(written, ADDRESS, 0xBAD0, -1, regs));
        assertEquals(0, regs.r8);
        assertEquals(TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), wide.write(written, WORD, 1, -1, regs));
        assertEquals(
                TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), wide.write(written, ADDRESS | 1L << 62, 1, -1, regs));
    }

    @Test
    void aFieldThatIsReadOnlyCannotBeWritten() {
        assertEquals(TdxStatus.METADATA_FIELD_NOT_WRITABLE.code(), table.write(written, BYTE, 0xFF, -1, regs));
    }

    @Test
    void fieldsThatFollowOneAnotherAreOneSequence() {
        SparseMemory memory = new SparseMemory();
        MetadataList<long[]> list = new MetadataList<>(table, written, memory, 0x1000);
        assertEquals(0, list.dump(-1));
        assertEquals(-1, list.nextId());
        long[] words = {
            96 | 4L << 16, BYTE, 0xFF, PAIRS | 1L << 34 | 1L << 38, 100, 101, 102, 103, ADDRESS, -1, WORD, 0x55, 0
        };
        for (int i = 0; i < words.length; i++) {
            assertEquals(words[i], memory.read64(0x1000 + i * 8L), "word " + i);
        }
    }

    @Test
    void aListBeginsWithAFieldAndNotInIt() {
        SparseMemory memory = new SparseMemory();
        MetadataList<long[]> second = new MetadataList<>(table, written, memory, 0x1000);
        assertEquals(0, second.dump(PAIRS + 2));
        assertEquals(PAIRS + 2 | 1L << 34, memory.read64(0x1008));
        for (long id : new long[] {PAIRS + 1, PAIRS & ~(1L << 32), PAIRS + 4}) {
            MetadataList<long[]> list = new MetadataList<>(table, written, memory, 0x2000);
            assertEquals(TdxStatus.METADATA_FIELD_ID_INCORRECT.code(), list.dump(id));
            assertEquals(-1, list.nextId());
            assertEquals(0, memory.read64(0x2000));
        }
    }

    /** 4096 bytes hold 510 words in one sequence, and in sequences of one field 255 fields. */
    @ParameterizedTest
    @CsvSource({"1, 1, 510", "2, 1, 255", "1, 4, 508", "2, 3, 381"})
    void aListEndsWhereTheNextFieldHasNoRoom(int stride, int elements, int words) {
        SparseMemory memory = new SparseMemory();
        List<MetadataField<long[]>> fields = IntStream.range(0, 600)
                .mapToObj(i -> MetadataField.<long[]>array(
                        0x1000_0003_0000_0000L + (long) i * stride * elements, 1, elements, (of, element) -> 1))
                .toList();
        MetadataTable<long[]> large = new MetadataTable<>(fields);
        MetadataList<long[]> list = new MetadataList<>(large, written, memory, 0x1000);
        assertEquals(TdxStatus.METADATA_LIST_OVERFLOW.code(), list.dump(-1));
        assertEquals(0x1000_0003_0000_0000L + (long) words / elements * stride * elements, list.nextId());
        assertEquals(0, memory.read64(0x2000));
        long ones = Stream.iterate(0x1008L, hpa -> hpa + 8)
                .limit(511)
                .filter(hpa -> memory.read64(hpa) == 1)
                .count();
        assertEquals(words, ones);
    }
}
