package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Regions of chunks become donors and empty again under their locks, and never from inside a call. */
class DonorRegionsTest {
    private static final int PAIRS_OF_A_CHUNK = 256;

    private final Rig rig = new Rig();
    private final List<Long> chunks = new ArrayList<>();

    @AfterEach
    void close() {
        assertEquals(Set.of(), rig.locksHeld);
        assertEquals(0, rig.pagesOut());
        rig.close();
    }

    private void noteChunks() {
        rig.takeChunk = allocator -> {
            chunks.add(allocator.allocChunk());
            return chunks.get(chunks.size() - 1);
        };
    }

    @Test
    void theRegionOfAChunkThatGoesIsMadeEmptyUnderItsLock() {
        noteChunks();
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        manager.get(REGION);
        manager.put(REGION);
        long chunk = chunks.get(0);
        List<Kind> found = new ArrayList<>();
        rig.lock = (held, number) -> {
            held.add(number);
            if (number == RegionTable.regionOf(chunk)) {
                found.add(manager.state(chunk).kind());
            }
        };
        manager.trim();
        assertEquals(List.of(Kind.DONOR), found);
        assertEquals(Kind.EMPTY, manager.state(chunk).kind());
        manager.close();
    }

    @Test
    void aChunkWhoseRegionCannotBeLockedStaysADonorUntilItCan() {
        noteChunks();
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        manager.get(REGION);
        manager.put(REGION);
        rig.lock = (held, number) -> {
            throw new UnsupportedOperationException("a fault of the strategy");
        };
        manager.trim();
        assertEquals(1, manager.stats().pages().donorChunks());
        assertEquals(Kind.DONOR, manager.state(chunks.get(0)).kind());
        rig.lock = (held, number) -> held.add(number);
        manager.trim();
        assertEquals(0, manager.stats().pages().donorChunks());
        manager.close();
    }

    @Test
    void noChunkGoesFromInsideACall() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(PAIRS_OF_A_CHUNK);
        manager.get(REGION);
        assertEquals(2, manager.stats().pages().donorChunks());
        long[] inside = new long[1];
        rig.call = (module, rax, regs) -> {
            rig.call = SeamcallProvider::seamcall;
            cache.close();
            inside[0] = manager.stats().pages().donorChunks();
            return module.seamcall(rax, regs);
        };
        manager.get(NEXT_REGION);
        assertEquals(2, inside[0]);
        manager.trim();
        assertEquals(1, manager.stats().pages().donorChunks());
        manager.put(NEXT_REGION);
        manager.put(REGION);
        manager.close();
    }

    @Test
    void aChunkInARegionWithUsersGoesBackUnusedAndTheUsersStay() {
        PamtManager manager = rig.withoutChunks().manager();
        manager.get(REGION);
        List<Long> given = new ArrayList<>();
        rig.takeChunk = allocator -> REGION;
        rig.giveChunk = (allocator, hpa) -> given.add(hpa);
        manager.get(NEXT_REGION);
        assertEquals(List.of(REGION), given);
        assertEquals(0, manager.stats().pages().donorChunks());
        assertEquals(1, manager.state(REGION).users());
        assertTrue(rig.isBackedInModule(REGION));
        manager.put(NEXT_REGION);
        manager.put(REGION);
        manager.close();
    }
}
