package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

    private static ReclaimPolicy.IdleRegions idle(int count) {
        return new ReclaimPolicy.IdleRegions() {
            @Override
            public int count() {
                return count;
            }

            @Override
            public long firstIdleNanos() {
                throw new AssertionError("a policy that goes by number asks for no age");
            }
        };
    }

    @Test
    void theFirstLosesItsPairWhenThereIsOneTooMany() {
        assertFalse(ReclaimPolicy.keepIdle(3).takesBackFirst(idle(3)));
        assertTrue(ReclaimPolicy.keepIdle(3).takesBackFirst(idle(4)));
        assertTrue(ReclaimPolicy.eager().takesBackFirst(idle(1)));
    }

    @Test
    void aPolicyNamesItself() {
        assertEquals("eager", ReclaimPolicy.eager().name());
        assertEquals("keepIdle(7)", ReclaimPolicy.keepIdle(7).name());
        assertEquals("keepIdle(7)", ReclaimPolicy.keepIdle(7).toString());
        assertEquals(ReclaimPolicy.keepIdle(7), ReclaimPolicy.keepIdle(7));
    }
}
