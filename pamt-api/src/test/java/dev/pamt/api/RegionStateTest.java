package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.api.RegionState.Kind;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegionStateTest {
    @Test
    void aBackedRegionReadsWithItsUsersAndAnyOtherByItsKind() {
        assertEquals(
                List.of("EMPTY", "BACKED(3)", "IDLE", "HUGE", "DONOR", "UNKNOWN", "STATIC", "OUTSIDE"),
                Arrays.stream(Kind.values())
                        .map(kind -> new RegionState(kind, kind == Kind.BACKED ? 3 : 0).toString())
                        .toList());
    }
}
