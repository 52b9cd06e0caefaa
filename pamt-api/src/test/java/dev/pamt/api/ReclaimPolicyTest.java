package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ReclaimPolicyTest {
    private static String refusal(int regions) {
        return assertThrows(IllegalArgumentException.class, () -> ReclaimPolicy.keepIdle(regions))
                .getMessage();
    }

    @Test
    void eagerKeepsNoRegionIdle() {
        assertEquals(0, ReclaimPolicy.eager().idleRegions());
    }

    @Test
    void keepIdleKeepsOneToAMebiOfRegions() {
        assertEquals(1, ReclaimPolicy.keepIdle(1).idleRegions());
        assertEquals(1_048_576, ReclaimPolicy.keepIdle(1_048_576).idleRegions());
        assertEquals("keepIdle keeps at least 1 region; for none use eager()", refusal(0));
        assertEquals("the number of regions kept idle is 0 to 1048576, not 1048577", refusal(1_048_577));
        assertEquals("the number of regions kept idle is 0 to 1048576, not -1", refusal(-1));
    }
}
