package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each move of a word is made, and once, though another thread changes a part of the word all the time that is not its concern. */
class RegionRetriesTest {
    private static final long BASE = 0x4000_0000L;
    private static final long HPA = BASE + 5 * RegionTable.REGION_BYTES;
    private static final int PARKED = 2;
    private static final int ROUNDS = 100_000;

    private final RegionTable table = new RegionTable(List.of(PhysicalRange.between(BASE, BASE + (1L << 30))));
    private final int[] words = table.words(HPA);
    private final int slot = RegionTable.slot(HPA);
    private final Region region = table.region(HPA);
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private volatile boolean stopped;
    private Thread other;

    @AfterEach
    void stop() throws InterruptedException {
        stopped = true;
        other.join(TimeUnit.SECONDS.toMillis(20));
        assertFalse(other.isAlive());
        assertNull(failure.get());
    }

    private void beside(Runnable change) {
        CountDownLatch begun = new CountDownLatch(1);
        other = new Thread(() -> {
            while (!stopped) {
                change.run();
                begun.countDown();
            }
        });
        other.setUncaughtExceptionHandler((thread, thrown) -> failure.set(thrown));
        other.start();
        try {
            assertTrue(begun.await(20, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Threads come and go that are parked for the lock. */
    private void besideWaiters() {
        long number = RegionTable.regionOf(HPA);
        beside(() -> {
            int bits = table.get(number);
            table.compareAndSet(number, bits, bits ^ PARKED);
        });
    }

    /** Gets come that fail, and wipe their attempts. */
    private void besideAttempts() {
        beside(() -> {
            RegionTable.faa(words, slot, RegionWord.USER);
            Region.wipeAttempts(words, slot);
        });
    }

    /** A moment for the other thread: two moves that follow each other at once keep the word to themselves. */
    private static void letOtherIn(int round) {
        for (int turn = 0; turn < round % 8; turn++) {
            Thread.onSpinWait();
        }
    }

    private static void rounds(IntConsumer move) {
        for (int round = 0; round < ROUNDS; round++) {
            move.accept(round);
        }
    }

    @Test
    void aRegionThatIsClaimedIsUnknown() {
        besideWaiters();
        rounds(round -> {
            int from = round % 2 == 0 ? RegionWord.EMPTY : RegionWord.IDLE;
            region.setState(from);
            assertEquals(from, region.state());
            letOtherIn(round);
            assertTrue(region.claim(from));
            assertEquals(RegionWord.UNKNOWN, region.state());
        });
    }

    @Test
    void aLockThatIsTakenIsLockedAndTheRegionUnknown() {
        besideWaiters();
        rounds(round -> {
            region.setState(RegionWord.EMPTY);
            letOtherIn(round);
            assertEquals(Region.CLAIMED, region.tryLockAndClaim(RegionWord.EMPTY));
            assertEquals(RegionWord.UNKNOWN, region.state());
            long number = RegionTable.regionOf(HPA);
            int bits;
            do {
                bits = table.get(number);
                assertEquals(RegionWord.LOCKED, bits & RegionWord.LOCKED);
            } while (!table.compareAndSet(number, bits, bits & PARKED));
        });
    }

    @Test
    void aLockThatIsLeftIsFreeAndTheRegionInItsNextState() {
        besideAttempts();
        long number = RegionTable.regionOf(HPA);
        rounds(round -> {
            region.setState(RegionWord.UNKNOWN);
            assertTrue(table.compareAndSet(number, 0, RegionWord.LOCKED));
            letOtherIn(round);
            assertTrue(region.unlock(RegionWord.EMPTY));
            assertEquals(0, table.get(number));
            assertEquals(RegionWord.EMPTY, region.state());
        });
    }

    @Test
    void aRegionThatIsLeftIsInTheOtherState() {
        besideWaiters();
        rounds(round -> {
            region.setState(RegionWord.backed(RegionWord.MAX_USERS));
            letOtherIn(round);
            assertTrue(region.leaveBacked(RegionWord.MAX_USERS, RegionWord.HUGE));
            assertEquals(RegionWord.HUGE, region.state());
        });
    }

    @Test
    void attemptsThatAreWipedAreGone() {
        besideWaiters();
        region.setState(RegionWord.EMPTY);
        rounds(round -> {
            RegionTable.faa(words, slot, RegionWord.USER);
            assertTrue(RegionWord.hasAttempts(region.word()));
            letOtherIn(round);
            region.wipeAttempts();
            assertFalse(RegionWord.hasAttempts(region.word()));
        });
    }

    @Test
    void theMarkOfTheQueueIsSetAndCleared() {
        besideWaiters();
        region.setState(RegionWord.IDLE);
        rounds(round -> {
            letOtherIn(round);
            assertTrue(Region.markQueued(words, slot));
            assertEquals(RegionWord.QUEUED, region.word() & RegionWord.QUEUED);
            assertFalse(Region.markQueued(words, slot));
            letOtherIn(round);
            Region.clearQueued(words, slot);
            assertEquals(0, region.word() & RegionWord.QUEUED);
        });
    }

    @Test
    void usersAreAddedAndTakenAway() {
        besideWaiters();
        region.setState(RegionWord.IDLE);
        rounds(round -> {
            assertEquals(0, RegionWord.users(region.addUsersIfRoom(3)));
            assertEquals(3, RegionWord.users(region.word()));
            assertEquals(3, RegionWord.users(Region.dropUsersIfAny(words, slot, 3)));
            assertEquals(0, RegionWord.users(region.word()));
        });
    }
}
