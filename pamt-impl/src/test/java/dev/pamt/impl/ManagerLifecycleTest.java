package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ManagerClosedException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Open, closing, closed, and who decides. */
class ManagerLifecycleTest {
    private static final long SECONDS = 20;

    private final ManagerLifecycle lifecycle = new ManagerLifecycle();

    /** A cache that counts how often it is closed. */
    private static final class Cache implements ManagedCache {
        int closed;

        @Override
        public void close() {
            closed++;
        }
    }

    @Test
    void aManagerIsClosedOnce() throws Exception {
        assertTrue(lifecycle.isOpen());
        assertTrue(lifecycle.beginClose());
        assertFalse(lifecycle.isOpen() || lifecycle.isClosed());
        assertFalse(lifecycle.beginClose(), "by this thread, which closes it");
        assertThrows(ManagerClosedException.class, lifecycle::requireOpen);
        lifecycle.decide(true);
        assertTrue(lifecycle.isClosed());
        assertFalse(lifecycle.beginClose());
        assertFalse(CompletableFuture.supplyAsync(lifecycle::beginClose).get(SECONDS, TimeUnit.SECONDS));
        assertThrows(ManagerClosedException.class, lifecycle::requireOpen);
    }

    @Test
    void aManagerThatStaysOpenCanBeClosedLater() {
        assertTrue(lifecycle.beginClose());
        lifecycle.decide(false);
        assertTrue(lifecycle.isOpen());
        lifecycle.requireOpen();
        assertTrue(lifecycle.beginClose());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aSecondCloseWaitsForTheFirstAndIsNeededOnlyIfThatLeavesTheManagerOpen(boolean closes) throws Exception {
        assertTrue(lifecycle.beginClose());
        CompletableFuture<Boolean> begun = new CompletableFuture<>();
        Thread second = new Thread(() -> begun.complete(lifecycle.beginClose()));
        second.start();
        while (second.getState() != Thread.State.WAITING) {
            assertFalse(begun.isDone(), "it does not wait");
            Thread.sleep(1);
        }
        lifecycle.decide(closes);
        assertEquals(!closes, begun.get(SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void cachesAreClosedWithTheManagerUnlessTheyAreForgotten() {
        Cache kept = new Cache();
        Cache forgotten = new Cache();
        lifecycle.register(kept);
        lifecycle.register(forgotten);
        lifecycle.forget(forgotten);
        assertTrue(lifecycle.beginClose());
        Cache late = new Cache();
        assertThrows(ManagerClosedException.class, () -> lifecycle.register(late));
        assertEquals(1, late.closed);
        lifecycle.decide(true);
        lifecycle.forget(late);
        lifecycle.closeCaches();
        assertEquals(1, kept.closed);
        assertEquals(0, forgotten.closed);
        assertEquals(1, late.closed);
    }

    @Test
    void aWaitEndsWithTheFirstAnswerThatNothingIsOut() {
        int[] asked = new int[1];
        assertEquals(0, ManagerLifecycle.awaitNone(() -> {
            asked[0]++;
            return 0;
        }));
        assertEquals(1, asked[0]);
        asked[0] = 0;
        assertEquals(0, ManagerLifecycle.awaitNone(() -> 3 - ++asked[0]));
        assertEquals(3, asked[0]);
    }
}
