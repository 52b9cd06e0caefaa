package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The word of a region, and each move of it: what changes, and what must survive. */
class RegionWordTest {
    private static final long HPA = TestHost.REGION;
    private static final Map<Integer, Kind> STATES = Map.of(
            RegionWord.EMPTY, Kind.EMPTY,
            RegionWord.UNKNOWN, Kind.UNKNOWN,
            RegionWord.HUGE, Kind.HUGE,
            RegionWord.DONOR, Kind.DONOR,
            RegionWord.OUTSIDE, Kind.OUTSIDE);
    private static final List<Integer> NOT_BACKED = List.copyOf(STATES.keySet());
    /** Every set of what survives a change of state: two lock bits and QUEUED. */
    private static final int[] KEPT = {0, 1, 2, 3, 4, 5, 6, 7};
    /** Attempts of gets, and of puts, that a word can have. */
    private static final int[] ATTEMPTS = {0, 1, 77, 512, (1 << 24) - 1, -1, -77, -(1 << 24)};

    private final int[] words = new int[3];
    private final Region region = new Region(HPA, words, 1);

    private void set(int word) {
        words[1] = word;
    }

    private int word() {
        assertEquals(0, words[0], "the neighbour before");
        assertEquals(0, words[2], "the neighbour behind");
        return words[1];
    }

    @Test
    void aWordIsAStateUsersAndWhatIsKept() {
        for (int kept : KEPT) {
            for (int users : new int[] {0, 1, 255, 511, 512, 513, 1 << 22}) {
                int backed = RegionWord.backed(users) | kept;
                assertTrue(RegionWord.isBacked(backed));
                assertEquals(users, RegionWord.users(backed));
                assertEquals(users == 0, RegionWord.isIdle(backed));
                assertEquals(RegionWord.IDLE, RegionWord.state(backed));
                assertFalse(RegionWord.hasStrays(backed));
                assertFalse(RegionWord.hasAttempts(backed));
                Kind kind = users == 0 ? Kind.IDLE : Kind.BACKED;
                assertEquals(new RegionState(kind, users), RegionWord.describe(backed));
            }
            STATES.forEach((state, itsKind) -> {
                for (int attempts : ATTEMPTS) {
                    int word = (state + RegionWord.backed(attempts)) | kept;
                    assertFalse(RegionWord.isBacked(word));
                    assertFalse(RegionWord.isIdle(word));
                    assertFalse(RegionWord.hasStrays(word));
                    assertEquals(attempts != 0, RegionWord.hasAttempts(word));
                    assertEquals(state, RegionWord.state(word));
                    assertEquals(0, RegionWord.users(word));
                    assertEquals(new RegionState(itsKind, 0), RegionWord.describe(word));
                }
            });
        }
    }

    @Test
    void aBackedWordBelowZeroIsIdleAndOwesThePutsThatCameWithoutAGet() {
        for (int kept : KEPT) {
            for (int strays : new int[] {1, 2, 600, 1 << 24, 1 << 25}) {
                int word = RegionWord.backed(-strays) | kept;
                assertTrue(RegionWord.isBacked(word));
                assertTrue(RegionWord.isIdle(word));
                assertTrue(RegionWord.hasStrays(word));
                assertTrue(RegionWord.hasAttempts(word));
                assertEquals(RegionWord.IDLE, RegionWord.state(word));
                assertEquals(0, RegionWord.users(word));
                assertEquals(new RegionState(Kind.IDLE, 0), RegionWord.describe(word));
                assertFalse(RegionWord.admits(word), "the get has paid for a stray");
                assertTrue(RegionWord.admits(word, 512), "a range is added to what callers hold");
                assertFalse(RegionWord.covers(word, 1));
                assertTrue(RegionWord.isClaimable(word, RegionWord.IDLE));
            }
        }
    }

    @Test
    void aUserCountsThatIsAddedToABackedRegionWithRoomAndNowhereElse() {
        for (int flags : KEPT) {
            assertTrue(RegionWord.admits(RegionWord.backed(0) | flags));
            assertTrue(RegionWord.admits(RegionWord.backed(511) | flags));
            assertFalse(RegionWord.admits(RegionWord.backed(512) | flags));
            assertTrue(RegionWord.admits(RegionWord.backed(0) | flags, 512));
            assertTrue(RegionWord.admits(RegionWord.backed(511) | flags, 1));
            assertFalse(RegionWord.admits(RegionWord.backed(511) | flags, 2));
            assertFalse(RegionWord.admits(RegionWord.backed(512) | flags, 1));
            for (int state : NOT_BACKED) {
                for (int attempts : ATTEMPTS) {
                    int word = (state + RegionWord.backed(attempts)) | flags;
                    assertFalse(RegionWord.admits(word));
                    assertFalse(RegionWord.admits(word, 1));
                }
            }
        }
    }

    @Test
    void usersAreCoveredByABackedRegionThatHasThemAndNowhereElse() {
        for (int flags : KEPT) {
            assertTrue(RegionWord.covers(RegionWord.backed(1) | flags, 1));
            assertFalse(RegionWord.covers(RegionWord.backed(0) | flags, 1));
            assertTrue(RegionWord.covers(RegionWord.backed(512) | flags, 512));
            assertFalse(RegionWord.covers(RegionWord.backed(511) | flags, 512));
            assertTrue(RegionWord.covers(RegionWord.backed(513) | flags, 1), "a refused get is under way");
            for (int state : NOT_BACKED) {
                for (int attempts : ATTEMPTS) {
                    assertFalse(RegionWord.covers((state + RegionWord.backed(attempts)) | flags, 1));
                }
            }
        }
    }

    @Test
    void anotherStateKeepsTheLockAndTheQueueAndNothingElse() {
        for (int kept : KEPT) {
            for (int from : NOT_BACKED) {
                for (int to : NOT_BACKED) {
                    set(from | RegionWord.backed(77) | kept);
                    region.setState(to);
                    assertEquals(to | kept, word());
                }
                set(from | RegionWord.backed(77) | kept);
                region.setState(RegionWord.backed(3));
                assertEquals(RegionWord.backed(3) | kept, word());
            }
        }
    }

    @Test
    void aUserIsAddedToAnyWordAndTakenFromAnyWord() {
        for (int kept : KEPT) {
            for (int state : NOT_BACKED) {
                set(state | kept);
                assertEquals(state | kept, Region.addUser(words, 1));
                assertEquals(state + RegionWord.backed(1) | kept, word(), "an attempt");
                assertEquals(state + RegionWord.backed(1) | kept, Region.dropUser(words, 1));
                assertEquals(state | kept, word());
                assertEquals(state | kept, Region.dropUser(words, 1));
                assertEquals(state | kept, word(), "a put without a get wipes what it has left");
            }
            set(RegionWord.backed(5) | kept);
            assertEquals(RegionWord.backed(5) | kept, Region.addUser(words, 1));
            assertEquals(RegionWord.backed(6) | kept, Region.dropUser(words, 1));
            assertEquals(RegionWord.backed(5) | kept, word());
            set(RegionWord.backed(1) | kept);
            assertEquals(RegionWord.backed(1) | kept, Region.dropUser(words, 1));
            assertEquals(RegionWord.backed(0) | kept, word());
            assertEquals(RegionWord.backed(0) | kept, Region.dropUser(words, 1));
            assertEquals(RegionWord.backed(0) | kept, word(), "a put without a get is wiped");
        }
    }

    @Test
    void aUserThatPaysForStraysIsAddedAgain() {
        for (int kept : KEPT) {
            set(RegionWord.backed(-3) | kept);
            assertEquals(RegionWord.backed(0) | kept, Region.addUser(words, 1));
            assertEquals(RegionWord.backed(1) | kept, word());
        }
    }

    @Test
    void aRangeIsAddedToABackedWordWithRoomAsAWhole() {
        for (int kept : KEPT) {
            set(RegionWord.backed(5) | kept);
            assertEquals(RegionWord.backed(5) | kept, region.addUsersIfRoom(507));
            assertEquals(RegionWord.backed(512) | kept, word());
            assertFalse(RegionWord.admits(region.addUsersIfRoom(1), 1));
            assertEquals(RegionWord.backed(512) | kept, word());
            set(RegionWord.backed(-2) | kept);
            assertTrue(RegionWord.admits(region.addUsersIfRoom(7), 7));
            assertEquals(RegionWord.backed(7) | kept, word(), "callers hold all seven, and the strays are gone");
            for (int state : NOT_BACKED) {
                set(state + RegionWord.backed(9) | kept);
                assertEquals(state + RegionWord.backed(9) | kept, region.addUsersIfRoom(2));
                assertEquals(state + RegionWord.backed(9) | kept, word());
            }
        }
    }

    @Test
    void aRangeIsTakenFromABackedWordThatHasItAsAWhole() {
        for (int kept : KEPT) {
            for (int state : NOT_BACKED) {
                set(state + RegionWord.backed(512) | kept);
                assertFalse(RegionWord.covers(Region.dropUsersIfAny(words, 1, 1), 1), "attempts are not users");
                assertEquals(state + RegionWord.backed(512) | kept, word());
            }
            set(RegionWord.backed(5) | kept);
            assertEquals(RegionWord.backed(5) | kept, Region.dropUsersIfAny(words, 1, 6));
            assertEquals(RegionWord.backed(5) | kept, word());
            assertEquals(RegionWord.backed(5) | kept, Region.dropUsersIfAny(words, 1, 2));
            assertEquals(RegionWord.backed(3) | kept, Region.dropUsersIfAny(words, 1, 3));
            assertEquals(RegionWord.backed(0) | kept, word());
            set(RegionWord.backed(-1) | kept);
            assertFalse(RegionWord.covers(Region.dropUsersIfAny(words, 1, 1), 1));
            assertEquals(RegionWord.backed(-1) | kept, word());
        }
    }

    @Test
    void aBackedRegionIsLeftWithExactlyThatManyUsers() {
        for (int kept : KEPT) {
            set(RegionWord.backed(511) | kept);
            assertFalse(region.leaveBacked(512, RegionWord.UNKNOWN));
            set(RegionWord.backed(513) | kept);
            assertFalse(region.leaveBacked(512, RegionWord.UNKNOWN));
            assertEquals(RegionWord.backed(513) | kept, word());
            set(RegionWord.backed(512) | kept);
            assertTrue(region.leaveBacked(512, RegionWord.UNKNOWN));
            assertEquals(RegionWord.UNKNOWN | kept, word());
            set(RegionWord.HUGE | RegionWord.backed(512) | kept);
            assertFalse(region.leaveBacked(512, RegionWord.UNKNOWN));
        }
    }

    @Test
    void anIdleRegionIsClaimedWithoutUsersAndAnEmptyOneWhateverAttemptsItHas() {
        for (int kept : KEPT) {
            set(RegionWord.backed(0) | kept);
            assertTrue(region.claim(RegionWord.IDLE));
            assertEquals(RegionWord.UNKNOWN | kept, word());
            set(RegionWord.backed(-4) | kept);
            assertTrue(region.claim(RegionWord.IDLE), "strays are no users");
            assertEquals(RegionWord.UNKNOWN | kept, word());
            set(RegionWord.backed(1) | kept);
            assertFalse(region.claim(RegionWord.IDLE));
            assertFalse(region.claim(RegionWord.EMPTY));
            assertFalse(region.claim(RegionWord.SAME));
            assertEquals(RegionWord.backed(1) | kept, word());
            set(RegionWord.EMPTY | RegionWord.backed(9) | kept);
            assertFalse(region.claim(RegionWord.IDLE));
            assertTrue(region.claim(RegionWord.EMPTY));
            assertEquals(RegionWord.UNKNOWN | kept, word());
            for (int state : List.of(RegionWord.UNKNOWN, RegionWord.HUGE, RegionWord.DONOR, RegionWord.OUTSIDE)) {
                set(state | kept);
                assertFalse(region.claim(RegionWord.EMPTY));
                assertFalse(region.claim(RegionWord.IDLE));
                assertEquals(state | kept, word());
            }
        }
    }

    @Test
    void theLockIsTakenIfItIsFreeAndTheRegionClaimedInTheSameStep() {
        int parked = RegionWord.LOCK_BITS & ~RegionWord.LOCKED;
        for (int kept : new int[] {0, RegionWord.QUEUED, parked}) {
            set(RegionWord.EMPTY | RegionWord.backed(4) | kept);
            assertEquals(Region.TAKEN, region.tryLockAndClaim(RegionWord.SAME));
            assertEquals(RegionWord.EMPTY | RegionWord.backed(4) | kept | RegionWord.LOCKED, word());
            assertEquals(Region.HELD, region.tryLockAndClaim(RegionWord.EMPTY));
            assertEquals(RegionWord.EMPTY | RegionWord.backed(4) | kept | RegionWord.LOCKED, word());
            set(RegionWord.EMPTY | RegionWord.backed(4) | kept);
            assertEquals(Region.TAKEN, region.tryLockAndClaim(RegionWord.IDLE));
            set(RegionWord.EMPTY | RegionWord.backed(4) | kept);
            assertEquals(Region.CLAIMED, region.tryLockAndClaim(RegionWord.EMPTY));
            assertEquals(RegionWord.UNKNOWN | kept | RegionWord.LOCKED, word());
            set(RegionWord.backed(0) | kept);
            assertEquals(Region.CLAIMED, region.tryLockAndClaim(RegionWord.IDLE));
            assertEquals(RegionWord.UNKNOWN | kept | RegionWord.LOCKED, word());
            set(RegionWord.backed(1) | kept);
            assertEquals(Region.TAKEN, region.tryLockAndClaim(RegionWord.IDLE));
            assertEquals(RegionWord.backed(1) | kept | RegionWord.LOCKED, word());
        }
    }

    @Test
    void theLockIsFreedWithTheNextStateUnlessThreadsAreParked() {
        for (int kept : new int[] {0, RegionWord.QUEUED}) {
            set(RegionWord.backed(7) | kept | RegionWord.LOCKED);
            assertTrue(region.unlock(RegionWord.SAME));
            assertEquals(RegionWord.backed(7) | kept, word());
            assertFalse(region.unlock(RegionWord.HUGE), "it is not locked");
            assertEquals(RegionWord.backed(7) | kept, word());
            set(RegionWord.UNKNOWN | RegionWord.backed(3) | kept | RegionWord.LOCKED);
            assertTrue(region.unlock(RegionWord.backed(2)));
            assertEquals(RegionWord.backed(2) | kept, word());
            set(RegionWord.UNKNOWN | RegionWord.backed(3) | kept | RegionWord.LOCK_BITS);
            assertFalse(region.unlock(RegionWord.EMPTY), "a thread is parked");
            assertEquals(RegionWord.UNKNOWN | RegionWord.backed(3) | kept | RegionWord.LOCK_BITS, word());
        }
    }

    @Test
    void attemptsAreWipedFromARegionThatIsNotBackedAndUsersNever() {
        for (int kept : KEPT) {
            for (int state : NOT_BACKED) {
                for (int attempts : ATTEMPTS) {
                    set(state + RegionWord.backed(attempts) | kept);
                    region.wipeAttempts();
                    assertEquals(state | kept, word());
                }
            }
            set(RegionWord.backed(-6) | kept);
            region.wipeAttempts();
            assertEquals(RegionWord.IDLE | kept, word());
            set(RegionWord.backed(6) | kept);
            region.wipeAttempts();
            assertEquals(RegionWord.backed(6) | kept, word());
        }
    }

    @Test
    void onlyAnIdleRegionIsMarkedAsQueuedAndOnlyOnce() {
        for (int kept : KEPT) {
            boolean queued = (kept & RegionWord.QUEUED) != 0;
            set(RegionWord.backed(0) | kept);
            assertEquals(!queued, Region.markQueued(words, 1));
            assertEquals(RegionWord.backed(0) | kept | RegionWord.QUEUED, word());
            assertFalse(Region.markQueued(words, 1));
            set(RegionWord.backed(1) | kept);
            assertFalse(Region.markQueued(words, 1));
            assertEquals(RegionWord.backed(1) | kept, word());
            for (int state : NOT_BACKED) {
                set(state | RegionWord.backed(8) | kept);
                assertFalse(Region.markQueued(words, 1));
                assertEquals(state | RegionWord.backed(8) | kept, word());
                Region.clearQueued(words, 1);
                assertEquals(state | RegionWord.backed(8) | (kept & ~RegionWord.QUEUED), word());
            }
            set(RegionWord.backed(9) | kept);
            Region.clearQueued(words, 1);
            assertEquals(RegionWord.backed(9) | (kept & ~RegionWord.QUEUED), word());
        }
    }

    @Test
    void aRegionBeginsAtA2MBoundary() {
        assertEquals(HPA, new Region(HPA + 0x1F_F000, words, 1).hpa);
        assertEquals(HPA >>> 21, region.number());
        set(RegionWord.backed(1));
        assertTrue(region.isBacked());
        set(RegionWord.HUGE | RegionWord.backed(2));
        assertFalse(region.isBacked());
        assertEquals(RegionWord.HUGE, region.state());
        assertEquals(new RegionState(Kind.HUGE, 0), region.describe());
    }
}
