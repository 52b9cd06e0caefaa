package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is tried again, and when: a back-off from 1 to 1024 last puts for each region. */
class RetryQueueTest {
    private static final long A = 0x20_0000;
    private static final long B = 0x40_0000;
    private static final int STEPS = 20_000;

    private final RetryQueue retries = new RetryQueue();

    private void tick(int puts) {
        for (int put = 0; put < puts; put++) {
            retries.tick();
        }
    }

    private int ticksUntilDue() {
        int ticks = 0;
        while (retries.pollDue() == RetryQueue.NONE) {
            retries.tick();
            ticks++;
        }
        return ticks;
    }

    @Test
    void aRegionIsDueAfterOneLastPutAndNotBefore() {
        retries.failed(A);
        assertEquals(1, retries.size());
        assertEquals(RetryQueue.NONE, retries.pollDue());
        retries.tick();
        assertEquals(A, retries.pollDue());
    }

    @Test
    void theBackOffDoublesWithEachFailureUpTo1024() {
        int failures = 0;
        for (int expected : new int[] {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024}) {
            retries.failed(A, failures);
            assertEquals(expected, ticksUntilDue());
            failures = retries.take(A);
        }
        assertEquals(0, retries.size());
    }

    @Test
    void aRegionThatFailsAgainBesideTheOneThatTriesItKeepsItsBackOff() {
        retries.failed(A);
        retries.failed(A);
        assertEquals(2, ticksUntilDue(), "noted a second time: the second back-off");
        assertEquals(1, retries.size());
        retries.failed(A, 0);
        assertEquals(4, ticksUntilDue(), "what the caller knows is less than what is noted here");
    }

    @Test
    void aRegionThatIsPolledStaysUntilItIsForgottenAndComesAgainLater() {
        retries.failed(A);
        tick(1);
        assertEquals(A, retries.pollDue());
        assertEquals(RetryQueue.NONE, retries.pollDue(), "not twice at once");
        assertEquals(1, retries.size());
        assertEquals(2, ticksUntilDue());
        assertEquals(1, retries.take(A), "it has failed once: a poll is no failure");
        assertEquals(0, retries.take(A));
        assertEquals(0, retries.size());
    }

    @Test
    void theOneThatIsDueFirstComesFirst() {
        retries.failed(A, 3);
        retries.failed(B, 2);
        tick(8);
        assertEquals(B, retries.pollDue());
        assertEquals(A, retries.pollDue());
    }

    @Test
    void ofTwoWithOneBackOffTheFirstComesFirst() {
        retries.failed(B);
        retries.failed(A);
        tick(1);
        assertEquals(B, retries.pollDue());
        assertEquals(A, retries.pollDue());
        assertEquals(RetryQueue.NONE, retries.pollDue());
    }

    @Test
    void noPutIsCountedWhileThereIsNothingToTry() {
        tick(1000);
        retries.failed(A);
        assertEquals(1, ticksUntilDue());
    }

    @Test
    void whatIsForgottenOrClearedIsTriedNoMore() {
        retries.failed(A);
        retries.failed(B);
        retries.forget(A);
        assertEquals(1, retries.size());
        tick(1);
        assertEquals(B, retries.pollDue());
        retries.failed(A);
        retries.clear();
        assertEquals(0, retries.size());
        tick(2000);
        assertEquals(RetryQueue.NONE, retries.pollDue());
        retries.failed(A);
        tick(1);
        assertEquals(A, retries.pollDue());
        assertEquals(RetryQueue.NONE, retries.pollDue(), "B is not there");
        assertFalse(retries.wasIncomplete());
    }

    private static final class Expected {
        long due;
        int failures;
    }

    /** Against a map that is searched from end to end. */
    @Test
    void everyRegionComesAtItsTime() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Map<Long, Expected> model = new HashMap<>();
        long now = 0;
        for (int step = 0; step < STEPS; step++) {
            long hpa = random.nextInt(6) * A;
            String where = "seed " + seed + ", step " + step;
            switch (random.nextInt(8)) {
                case 0 -> {
                    int failures = random.nextInt(6);
                    retries.failed(hpa, failures);
                    Expected expected = model.computeIfAbsent(hpa, absent -> new Expected());
                    expected.failures = Math.max(expected.failures, failures);
                    expected.due = now + (1L << Math.min(expected.failures++, 10));
                }
                case 1 -> {
                    Expected expected = model.remove(hpa);
                    assertEquals(expected == null ? 0 : expected.failures, retries.take(hpa), where);
                }
                case 2, 3 -> {
                    long first = model.values().stream()
                            .mapToLong(expected -> expected.due)
                            .min()
                            .orElse(Long.MAX_VALUE);
                    long polled = retries.pollDue();
                    if (first > now) {
                        assertEquals(RetryQueue.NONE, polled, where);
                    } else {
                        Expected expected = model.get(polled);
                        assertEquals(first, expected.due, where);
                        expected.due = now + (1L << Math.min(expected.failures, 10));
                    }
                }
                default -> {
                    retries.tick();
                    now += model.isEmpty() ? 0 : 1;
                }
            }
            assertEquals(model.size(), retries.size(), where);
        }
    }

    @Test
    void ofTwoThatAreDueAtOnceTheOneThatHasFailedLessOftenComesFirst() {
        retries.failed(A, 1);
        tick(1);
        retries.failed(B);
        tick(1);
        assertEquals(B, retries.pollDue());
        assertEquals(A, retries.pollDue());
    }
}
