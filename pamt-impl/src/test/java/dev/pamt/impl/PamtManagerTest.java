package dev.pamt.impl;

import static dev.pamt.impl.TestHost.NEXT_REGION;
import static dev.pamt.impl.TestHost.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.TdxStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PamtManagerTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final RegionState EMPTY = new RegionState(Kind.EMPTY, 0);
    private static final RegionState IDLE = new RegionState(Kind.IDLE, 0);
    private static final RegionState HUGE = new RegionState(Kind.HUGE, 0);

    private final TestHost host = new TestHost();
    private final long freeAtFirst = host.freePages();
    private PamtManager manager = host.manager().build();

    @AfterEach
    void everythingIsBackWithItsOwner() {
        manager.close();
        assertEquals(0, manager.stats().pairs().installed());
        assertEquals(0, manager.stats().pairs().cached());
        assertEquals(0, manager.stats().pages().donorChunks());
        assertEquals(freeAtFirst, host.freePages());
        host.close();
    }

    private void with(ReclaimPolicy policy) {
        manager.close();
        manager = host.manager().reclaimPolicy(policy).build();
    }

    private static RegionState backed(int users) {
        return new RegionState(Kind.BACKED, users);
    }

    @Test
    void theFirstGetInstallsThePairAndTheLastPutTakesItBack() {
        manager.get(REGION);
        assertEquals(backed(1), manager.state(REGION));
        assertTrue(host.isBackedInModule(REGION));

        manager.get(REGION + 511 * PAGE);
        manager.put(REGION);
        assertTrue(host.isBackedInModule(REGION));

        manager.put(REGION + 511 * PAGE);
        assertEquals(EMPTY, manager.state(REGION));
        assertFalse(host.isBackedInModule(REGION));
        assertEquals(1, manager.stats().calls().adds());
        assertEquals(1, manager.stats().calls().removes());
        assertEquals(1, manager.stats().pairs().peak());
    }

    @Test
    void regionsAreBackedOneByOne() {
        manager.get(REGION);
        manager.get(NEXT_REGION);
        manager.put(REGION);
        assertFalse(host.isBackedInModule(REGION));
        assertTrue(host.isBackedInModule(NEXT_REGION));
        manager.put(NEXT_REGION);
    }

    @Test
    void aRangeIsOneStep() {
        manager.get(REGION, 512);
        assertEquals(backed(512), manager.state(REGION));
        manager.put(REGION + 10 * PAGE, 500);
        assertEquals(backed(12), manager.state(REGION));
        manager.put(REGION, 12);
        assertFalse(host.isBackedInModule(REGION));
        assertEquals(1, manager.stats().calls().adds());
    }

    @Test
    void anAllocatedPageIsBackedUntilItIsFreed() {
        long page = manager.allocPage();
        assertEquals(backed(1), manager.state(page));
        assertTrue(host.isBackedInModule(page & -PageAllocator.CHUNK_BYTES));
        assertEquals(1, manager.stats().pages().allocated());

        manager.freePage(page);
        assertEquals(EMPTY, manager.state(page));
        assertEquals(0, manager.stats().pages().allocated());
    }

    @Test
    void pagesComeBackScrubbed() {
        long page = manager.allocPage();
        host.platform().memory().write64(page, 0xDEAD);
        manager.freePage(page);
        assertEquals(0, host.platform().memory().read64(page));
    }

    @Test
    void pairsAreCutFromOneChunkWhoseRegionIsADonor() {
        manager.get(REGION);
        manager.get(NEXT_REGION);
        assertEquals(1, manager.stats().pages().donorChunks());
        assertEquals(254, manager.stats().pairs().spare());
        manager.put(REGION);
        manager.put(NEXT_REGION);
        assertEquals(256, manager.stats().pairs().spare());
        manager.trim();
        assertEquals(0, manager.stats().pages().donorChunks());
        assertEquals(freeAtFirst, host.freePages());
    }

    @Test
    void aVcpuCacheSuppliesThePairAndGetsAnUnneededOneBack() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(PamtPageCache.FAULT_PAIRS);
        assertEquals(5, manager.stats().pairs().cached());

        manager.get(REGION, cache);
        assertEquals(4, cache.pairs());
        manager.get(REGION, cache);
        assertEquals(4, cache.pairs(), "a backed region needs no pair");

        manager.put(REGION, 2);
        cache.close();
        assertEquals(0, manager.stats().pairs().cached());
    }

    @Test
    void aReservationIsItsOwnersAlone() {
        VmPageCache vm = manager.newVmCache();
        vm.topUp(3);
        PamtPageCache mine = vm.reserve(2);
        PamtPageCache yours = vm.reserve(2);
        assertEquals(2, mine.pairs());
        assertEquals(2, yours.pairs());
        assertEquals(0, vm.unreserved());

        manager.get(REGION, mine);
        assertEquals(2, yours.pairs());
        mine.close();
        yours.close();
        assertEquals(3, vm.unreserved(), "what was not used goes back to the VM's cache");
        manager.put(REGION);
        vm.close();
    }

    @Test
    void keptIdleARegionGoesBackAndForthWithoutSeamcalls() {
        with(ReclaimPolicy.keepIdle(2));
        for (int i = 0; i < 100; i++) {
            manager.get(REGION);
            manager.put(REGION);
        }
        assertEquals(IDLE, manager.state(REGION));
        assertEquals(1, manager.stats().calls().adds());
        assertEquals(0, manager.stats().calls().removes());
        assertEquals(1, manager.trim());
        assertEquals(EMPTY, manager.state(REGION));
    }

    @Test
    void theRegionThatHasBeenIdleLongestLosesItsPairWhenOneTooManyIsIdle() {
        with(ReclaimPolicy.keepIdle(2));
        for (int i = 0; i < 3; i++) {
            manager.get(REGION + i * PageAllocator.CHUNK_BYTES);
            manager.put(REGION + i * PageAllocator.CHUNK_BYTES);
        }
        assertEquals(EMPTY, manager.state(REGION));
        assertEquals(IDLE, manager.state(REGION + PageAllocator.CHUNK_BYTES));
        assertEquals(IDLE, manager.state(REGION + 2 * PageAllocator.CHUNK_BYTES));
        assertEquals(2, manager.stats().pairs().installed());
    }

    @Test
    void mappingAsOne2MPageEvictsTheIdlePair() {
        with(ReclaimPolicy.keepIdle(8));
        manager.get(REGION);
        manager.put(REGION);
        manager.map2M(REGION);
        assertEquals(HUGE, manager.state(REGION));
        assertFalse(host.isBackedInModule(REGION));
        manager.unmap2M(REGION);
        assertEquals(EMPTY, manager.state(REGION));
    }

    @Test
    void demoteTurnsA2MPageInto512UsersAndPromoteBack() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(PamtPageCache.SPLIT_PAIRS);
        manager.map2M(REGION);
        long[] pair = new long[2];

        long demoted = manager.demote2M(REGION, cache, regs -> {
            pair[0] = regs.r12;
            pair[1] = regs.r13;
            return TdxStatus.SUCCESS.code();
        });
        assertEquals(TdxStatus.SUCCESS.code(), demoted);
        assertEquals(backed(512), manager.state(REGION));
        assertEquals(1, cache.pairs());
        assertEquals(1, manager.stats().pairs().installed());

        long promoted = manager.promote2M(REGION, regs -> {
            regs.r12 = pair[0];
            regs.r13 = pair[1];
            return TdxStatus.SUCCESS.code();
        });
        assertEquals(TdxStatus.SUCCESS.code(), promoted);
        assertEquals(HUGE, manager.state(REGION));
        assertEquals(0, manager.stats().pairs().installed());
        manager.unmap2M(REGION);
    }

    @Test
    void aDemoteThatFailsLeavesThe2MPageAndGivesThePairBack() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        manager.map2M(REGION);
        long status = manager.demote2M(REGION, cache, regs -> TdxStatus.INTERRUPTED_RESTARTABLE.code());
        assertEquals(TdxStatus.INTERRUPTED_RESTARTABLE.code(), status);
        assertEquals(HUGE, manager.state(REGION));
        assertEquals(1, cache.pairs());
        manager.unmap2M(REGION);
    }

    @Test
    void withNothingSetItWorksOnAnEmulatedHost() {
        try (PamtManager other = PamtManager.builder().build()) {
            assertTrue(other.host().dynamicPamt());
            long page = other.allocPage();
            assertNotEquals(PageAllocator.NONE, page);
            other.freePage(page);
            // The locks are those of the chunk's region, of the ADD and of the REMOVE.
            assertEquals(
                    new StatsSnapshot(
                            new StatsSnapshot.CallCounts(1, 0, 1, 0, 0, 0, 0, 0, 0, 0),
                            new StatsSnapshot.LockCounts(3, 0, 0, 0, 0, 0),
                            new StatsSnapshot.PairCounts(0, 1, 256, 0, 0, 0),
                            new StatsSnapshot.PageCounts(1, 0, 0)),
                    other.stats());
        }
    }

    @Test
    void aBuilderRefusesASecondAndAContradictoryValue() {
        PamtManager.Builder builder = host.manager();
        assertEquals(
                "a host has its memory map; it cannot be given another",
                assertThrows(IllegalStateException.class, () -> builder.memory(TestHost.MAP))
                        .getMessage());
        assertEquals(
                "a manager works on one module; a backend cannot be set beside the host, platform, backend or provider"
                        + " that was set before",
                assertThrows(IllegalStateException.class, () -> builder.backend("emulator"))
                        .getMessage());
        builder.reclaimPolicy(ReclaimPolicy.eager());
        assertEquals(
                "a reclaim policy was set before: eager",
                assertThrows(IllegalStateException.class, () -> builder.reclaimPolicy(ReclaimPolicy.eager()))
                        .getMessage());
    }

    @Test
    void aGetOfABackedRegionAndAPutThatIsNotTheLastTakeNoLock() {
        manager.get(REGION);
        long taken = manager.stats().locks().acquisitions();
        manager.get(REGION);
        manager.get(REGION, 4);
        manager.put(REGION, 4);
        manager.put(REGION);
        assertEquals(taken, manager.stats().locks().acquisitions());
        manager.put(REGION);
        assertEquals(taken + 1, manager.stats().locks().acquisitions());
    }
}
