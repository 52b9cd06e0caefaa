package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PhysicalMemoryTest {
    @Test
    void memoryWithoutContentsReadsAsZeroWhateverWasWritten() {
        PhysicalMemory none = PhysicalMemory.none();
        none.write64(0x1000, -1);
        none.clearPage(0x2000);
        assertEquals(0, none.read64(0x1000));
    }
}
