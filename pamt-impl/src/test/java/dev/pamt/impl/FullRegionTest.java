package dev.pamt.impl;

import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.pamt.api.PamtManager;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.TooManyUsersException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A get of a region that is full, while its users leave: it counts, or it was refused and leaves nothing behind. */
class FullRegionTest {
    private static final int ROUNDS = 6_000;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    private static void await(AtomicInteger number, int value) {
        while (number.get() < value) {
            Thread.onSpinWait();
        }
    }

    private static void getAndPut(PamtManager manager) {
        try {
            manager.get(REGION);
        } catch (TooManyUsersException full) {
            return;
        }
        manager.put(REGION);
    }

    @Test
    void aGetBesideThe512ThatLeaveLeavesNoPairBehind() throws Exception {
        PamtManager manager = rig.manager();
        AtomicInteger begun = new AtomicInteger();
        AtomicInteger ended = new AtomicInteger();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread getter = new Thread(() -> {
            for (int round = 1; round <= ROUNDS; round++) {
                await(begun, round);
                try {
                    getAndPut(manager);
                } catch (Throwable unexpected) {
                    failure.set(unexpected);
                }
                ended.set(round);
            }
        });
        getter.setDaemon(true);
        getter.start();
        for (int round = 1; round <= ROUNDS; round++) {
            manager.get(REGION, 512);
            begun.set(round);
            for (int turn = 0; turn < round % 16; turn++) {
                Thread.onSpinWait();
            }
            manager.put(REGION, 512);
            await(ended, round);
            assertNull(failure.get());
            assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        }
        getter.join(TimeUnit.SECONDS.toMillis(20));
        manager.close();
        assertEquals(0, rig.pagesOut());
    }
}
