package dev.pamt.seamcall.emulator.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory keeps what was written, at any address, and nothing else. */
class SparseMemoryTest {
    private static final long TOP = (1L << 52) - 4096;
    private final SparseMemory memory = new SparseMemory();

    @ParameterizedTest
    @ValueSource(longs = {0, 0xFF8, 0x1000, 1L << 21, (1L << 30) - 8, 1L << 40, TOP, TOP + 0xFF8})
    void aWordIsKeptAtAnyAddress(long hpa) {
        memory.write64(hpa, 42);
        assertEquals(42, memory.read64(hpa));
        assertEquals(0, memory.read64(hpa ^ 8));
    }

    @Test
    void readingAndWritingZeroMakesNoPage() {
        assertEquals(0, memory.read64(TOP));
        memory.write64(TOP, 0);
        memory.clearPage(TOP);
        assertNull(memory.pageOrNull(TOP));
    }

    @Test
    void aClearedPageIsGivenUp() {
        memory.write64(0x5008, 1);
        memory.clearPage(0x5000);
        assertNull(memory.pageOrNull(0x5000));
        assertEquals(0, memory.read64(0x5008));
    }

    @Test
    void anAllZeroPageCanBeDroppedAndNoOther() {
        memory.page(0x5000);
        memory.dropIfZero(0x5000);
        assertNull(memory.pageOrNull(0x5000));
        memory.write64(0x5FF8, 1);
        memory.dropIfZero(0x5000);
        assertNotNull(memory.pageOrNull(0x5000));
    }

    @Test
    void aCopyOfAPageIsItsOwn() {
        memory.fillPage(0x5000, 7);
        memory.copyPage(0x5000, 0x9000);
        memory.clearPage(0x5000);
        assertEquals(7, memory.read64(0x9FF8));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 4, 1L << 52, -8})
    void anAddressThatIsNoneIsRefused(long hpa) {
        assertThrows(IllegalArgumentException.class, () -> memory.read64(hpa));
        assertThrows(IllegalArgumentException.class, () -> memory.write64(hpa, 1));
    }
}
