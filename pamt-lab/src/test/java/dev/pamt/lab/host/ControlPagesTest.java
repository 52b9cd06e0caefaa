package dev.pamt.lab.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ControlPagesTest {
    @Test
    void secureEptHasAPageForEach2MAndTheLevelsAbove() {
        // 512 for the 2M blocks, then one each for 1G, 512G and 256T; the root is part of the control structure.
        assertEquals(512 + 1 + 1 + 1, ControlPages.septPages(512));
        assertEquals(513 + 2 + 1 + 1, ControlPages.septPages(513));
    }

    @Test
    void theMemoryNeededIsThatOfThePagesAndTheirPairs() {
        ControlPages control = new ControlPages(1, 6, 6);
        long needed = control.pagesNeeded(10, 4, 512);
        long used = 10 * (262_144 + 515 + 7 + 4 * (6 + 4));
        assertTrue(needed > used + 2 * used / 512, () -> "needed " + needed);
        assertTrue(needed < used * 1.01, () -> "needed " + needed);
    }
}
