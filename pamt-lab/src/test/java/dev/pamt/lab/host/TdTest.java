package dev.pamt.lab.host;

import static dev.pamt.lab.host.Fixture.BLOCK;
import static dev.pamt.lab.host.Fixture.PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.FaultInjection;
import dev.pamt.seamcall.decorator.FaultPlan;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TdTest {
    private static Td built(Fixture fixture, int blocks, Backing backing, int vcpus) {
        Td td = fixture.lab.newTd(vcpus, fixture.lab.newMemory(blocks * BLOCK, backing));
        td.build(0);
        return td;
    }

    @Test
    void aTdIsBuiltFaultedAndTornDownWithNothingLeft() {
        try (Fixture fixture = new Fixture()) {
            Td td = fixture.lab.newTd(2, fixture.lab.newMemory(4 * BLOCK, Backing.PAGES_4K));
            assertEquals(Td.State.BUILDING, td.state());
            td.build(3);
            assertEquals(Td.State.RUNNABLE, td.state());
            assertEquals(3, fixture.leaves.calls(SeamcallLeaf.MEM_PAGE_ADD), "the image");
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(1), 2 * BLOCK + 5 * PAGE, false));
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), 2 * BLOCK + 5 * PAGE, false), "again");
            assertEquals(1, fixture.leaves.calls(SeamcallLeaf.MEM_PAGE_AUG), "a mapped page is not mapped twice");
            fixture.end(td);
            assertEquals(Td.State.DEAD, td.state());
        }
    }

    @Test
    void aKeyIsUsedAgainWhenItsTdIsDead() {
        try (Fixture fixture = new Fixture()) {
            int keys = LabHost.mostTds(fixture.host);
            for (int i = 0; i < 2 * keys; i++) {
                fixture.end(built(fixture, 1, Backing.PAGES_4K, 1));
            }
        }
    }

    /** A host whose every page lies in a region of its own: the worst that an allocator can do to a fault. */
    private static TdxHost scattered(TdxHost host) {
        PageAllocator allocator = new PageAllocator() {
            @Override
            public long allocPage() {
                return host.allocator().allocChunk();
            }

            @Override
            public void freePage(long hpa) {
                host.allocator().freeChunk(hpa);
            }

            @Override
            public long allocChunk() {
                return host.allocator().allocChunk();
            }

            @Override
            public void freeChunk(long hpa) {
                host.allocator().freeChunk(hpa);
            }
        };
        return (TdxHost) Proxy.newProxyInstance(
                TdxHost.class.getClassLoader(),
                new Class<?>[] {TdxHost.class},
                (proxy, method, arguments) ->
                        method.getName().equals("allocator") ? allocator : method.invoke(host, arguments));
    }

    /** On demand, with another number of pairs for a fault. */
    private record WithPairs(PamtPolicy policy, int pairsForFault) implements PamtPolicy {
        @Override
        public String name() {
            return policy.name();
        }

        @Override
        public void beforeMap(Use use, long hpa, PamtPageCache cache) {
            policy.beforeMap(use, hpa, cache);
        }

        @Override
        public void afterUnmap(Use use, long hpa, boolean hint) {
            policy.afterUnmap(use, hpa, hint);
        }

        @Override
        public boolean mayMap2M(long chunkHpa) {
            return policy.mayMap2M(chunkHpa);
        }

        @Override
        public void beforeMap2M(long chunkHpa) {
            policy.beforeMap2M(chunkHpa);
        }

        @Override
        public void afterUnmap2M(long chunkHpa) {
            policy.afterUnmap2M(chunkHpa);
        }

        @Override
        public long demote2M(long chunkHpa, PamtPageCache cache, DemoteCall call) {
            return policy.demote2M(chunkHpa, cache, call);
        }

        @Override
        public long promote2M(long chunkHpa, PromoteCall call) {
            return policy.promote2M(chunkHpa, call);
        }
    }

    private static Fixture scatteredWith(int pairs) {
        return new Fixture(
                (provider, processor) -> provider,
                TdTest::scattered,
                (name, manager) -> new WithPairs(PamtPolicies.newPolicy(PamtPolicies.ON_DEMAND, manager), pairs));
    }

    @Test
    void aFaultSpendsFivePairsIfItsPagesLieInFiveEmptyRegions() {
        try (Fixture fixture = scatteredWith(PamtPageCache.FAULT_PAIRS)) {
            Td td = built(fixture, 1, Backing.PAGES_4K, 1);
            long before = fixture.manager.stats().pairs().installed();
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), 0, false));
            assertEquals(before + 5, fixture.manager.stats().pairs().installed());
            assertEquals(0, td.vcpus().get(0).pairs().pairs(), "all that it had in hand");
            fixture.end(td);
        }
    }

    @Test
    void aFaultWithFourPairsInHandFailsCleanlyAndComesAgain() {
        try (Fixture fixture = scatteredWith(PamtPageCache.FAULT_PAIRS - 1)) {
            Td td = built(fixture, 1, Backing.PAGES_4K, 1);
            Vcpu vcpu = td.vcpus().get(0);
            assertThrows(CacheExhaustedException.class, () -> td.mmu().fault(vcpu, 0, false));
            assertEquals(
                    RegionState.Kind.EMPTY,
                    fixture.manager.state(td.memory().pageAt(0)).kind(),
                    "the guest page's region");
            assertEquals(Fault.MAPPED, td.mmu().fault(vcpu, 0, false), "the tables are there now");
            fixture.end(td);
        }
    }

    @Test
    void aChunkIsMappedAsOnePageWithoutAPairAndSplitWithOne() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 2, Backing.CHUNKS_2M, 1);
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), BLOCK + 7 * PAGE, false));
            long chunk = td.memory().chunkAt(1);
            assertEquals(RegionState.Kind.HUGE, fixture.manager.state(chunk).kind());
            assertTrue(td.mmu().split(1));
            assertFalse(td.mmu().split(1), "it is split");
            assertEquals(
                    new RegionState(RegionState.Kind.BACKED, 512),
                    fixture.manager.state(chunk),
                    "a user for each page");
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), BLOCK, true), "it is mapped");
            fixture.end(td);
        }
    }

    @Test
    void splitPagesAreMergedAgainAndTheTableComesBack() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 1, Backing.CHUNKS_2M, 1);
            td.mmu().fault(td.vcpus().get(0), 0, false);
            long free = fixture.host.freePages();
            assertFalse(td.mmu().promote(0), "there is nothing to merge");
            td.mmu().split(0);
            assertTrue(td.mmu().promote(0));
            assertEquals(
                    RegionState.Kind.HUGE,
                    fixture.manager.state(td.memory().chunkAt(0)).kind());
            assertEquals(512, fixture.lab.counts().of(Event.PROMOTED));
            assertTrue(fixture.host.freePages() >= free - 512, "but for a chunk of pairs");
            fixture.end(td);
        }
    }

    @Test
    void aConversionSplitsTheEdgesAndTakesJustItsPages() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 4, Backing.CHUNKS_2M, 1);
            for (int block = 0; block < 4; block++) {
                td.mmu().fault(td.vcpus().get(0), block * BLOCK, false);
            }
            // From the middle of block 0 to the middle of block 3: two splits, two whole pages.
            td.mmu().convert(100 * PAGE, 3 * 512 - 50, true);
            assertEquals(2, fixture.lab.counts().of(Event.SPLIT));
            assertEquals(3 * 512 - 50, fixture.lab.counts().of(Event.ZAPPED));
            assertFalse(td.memory().isShared(99 * PAGE));
            assertTrue(td.memory().isShared(100 * PAGE));
            assertTrue(td.memory().isShared((100 + 3 * 512 - 51) * PAGE));
            assertFalse(td.memory().isShared((100 + 3 * 512 - 50) * PAGE));
            assertEquals(
                    new RegionState(RegionState.Kind.BACKED, 100),
                    fixture.manager.state(td.memory().chunkAt(0)));
            assertEquals(
                    RegionState.Kind.EMPTY,
                    fixture.manager.state(td.memory().chunkAt(1)).kind());
            td.mmu().convert(100 * PAGE, 3 * 512 - 50, false);
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), BLOCK, false), "private again");
            fixture.end(td);
        }
    }

    @Test
    void aBlockWithASharedPageIsNotMappedAsOnePage() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 1, Backing.CHUNKS_2M, 1);
            td.mmu().convert(3 * PAGE, 1, true);
            td.mmu().fault(td.vcpus().get(0), 0, false);
            assertEquals(0, fixture.lab.counts().of(Event.MAPPED_2M));
            assertEquals(1, fixture.lab.counts().of(Event.MAPPED_4K));
            fixture.end(td);
        }
    }

    @Test
    void aHoleGivesTheMemoryBackToTheHost() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 2, Backing.PAGES_4K, 1);
            for (int page = 0; page < 512; page++) {
                td.mmu().fault(td.vcpus().get(0), page * PAGE, false);
            }
            long free = fixture.host.freePages();
            td.mmu().punchHole(0);
            assertEquals(free + 512, fixture.host.freePages());
            assertEquals(GuestMemory.NONE, td.memory().pageAt(0));
            assertEquals(Fault.MAPPED, td.mmu().fault(td.vcpus().get(0), 0, false), "populated again");
            fixture.end(td);
        }
    }

    @Test
    void aGuestAcceptsWholeBlocksWhereTheyAreMappedSoAndPagesWhereNot() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 3, Backing.CHUNKS_2M, 1);
            td.vcpus().get(0).guest().accept(0, 1024, true);
            assertEquals(2, fixture.lab.counts().of(Event.MAPPED_2M));
            assertEquals(1024, fixture.lab.counts().of(Event.ACCEPTED));
            td.vcpus().get(0).guest().accept(2 * BLOCK, 10, true);
            assertEquals(10, fixture.lab.counts().of(Event.MAPPED_4K), "less than a block");
            fixture.end(td);
        }
    }

    @Test
    void aGuestThatTouchesFirstAndAcceptsPagesHasItsBlockSplit() {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 1, Backing.CHUNKS_2M, 1);
            Guest guest = td.vcpus().get(0).guest();
            guest.touch(5 * PAGE, 1);
            assertEquals(1, fixture.lab.counts().of(Event.MAPPED_2M));
            guest.accept(0, 512, false);
            assertEquals(1, fixture.lab.counts().of(Event.SPLIT));
            assertEquals(512, fixture.lab.counts().of(Event.ACCEPTED));
            td.mmu().zap(0, 512);
            td.mmu().fault(td.vcpus().get(0), 0, false);
            assertEquals(1, fixture.lab.counts().of(Event.MAPPED_2M), "a block that was split is not mapped so again");
            fixture.end(td);
        }
    }

    @Test
    void whoTakesPagesAwayHasEveryVcpuLeaveTheGuest() throws InterruptedException {
        try (Fixture fixture = new Fixture()) {
            Td td = built(fixture, 2, Backing.PAGES_4K, 2);
            td.vcpus().get(0).guest().accept(0, 512, false);
            Guest guest = td.vcpus().get(1).guest();
            guest.accept(BLOCK, 512, false);
            AtomicBoolean done = new AtomicBoolean();
            Thread other = new Thread(() -> {
                while (!done.get()) {
                    guest.touch(BLOCK, 512);
                }
            });
            other.start();
            long zaps = 0;
            while (fixture.lab.counts().of(Event.KICK) == 0 || zaps < 100) {
                td.vcpus().get(0).guest().accept(0, 1, false);
                td.mmu().zap(0, 1);
                zaps++;
            }
            done.set(true);
            other.join();
            assertEquals(zaps, fixture.lab.counts().of(Event.ZAPPED));
            assertEquals(List.of(), fixture.lab.complaints());
            fixture.end(td);
        }
    }

    @Test
    void aPageThatTheModuleDoesNotLetGoEndsItsTdAndIsReclaimedLater() {
        FaultPlan plan = FaultPlan.builder()
                .answer(SeamcallLeaf.MEM_PAGE_REMOVE, 1, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX))
                .build();
        try (Fixture fixture = new Fixture(new FaultInjection(plan))) {
            Td td = built(fixture, 1, Backing.PAGES_4K, 1);
            td.mmu().fault(td.vcpus().get(0), 0, false);
            td.mmu().fault(td.vcpus().get(0), PAGE, false);
            td.mmu().zap(0, 2);
            assertEquals(Td.State.BUGGED, td.state());
            assertEquals(1, fixture.lab.counts().of(Event.BUGGED_TD));
            assertEquals(1, fixture.lab.counts().of(Event.ZAPPED), "the other page");
            assertTrue(fixture.lab.complaints().get(0).startsWith("td-0: TDH.MEM.PAGE.REMOVE of 0x0 answered"));
            assertThrows(
                    IllegalStateException.class, () -> td.mmu().fault(td.vcpus().get(0), PAGE, false));
            td.mmu().punchHole(0);
            assertTrue(td.memory().pageAt(0) != GuestMemory.NONE, "the module still has it");
            fixture.end(td);
        }
    }

    @Test
    void aPageThatCannotBeReclaimedIsLostWithItsReferenceAndNamed() {
        FaultPlan plan = FaultPlan.builder()
                .answer(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, 2, TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX))
                .build();
        Fixture fixture = new Fixture(new FaultInjection(plan));
        Td td = built(fixture, 1, Backing.PAGES_4K, 1);
        td.mmu().fault(td.vcpus().get(0), 0, false);
        td.mmu().fault(td.vcpus().get(0), PAGE, false);
        long lost = td.memory().pageAt(PAGE);
        fixture.end(td);
        assertEquals(1, td.memory().lostPages());
        assertTrue(fixture.lab.complaints().get(0).contains(String.format("0x%x", lost)), fixture.lab::toString);
        assertTrue(
                fixture.lab.complaints().get(1).startsWith("td-0: TDH.PHYMEM.PAGE.RECLAIM"),
                "the TD root, which has a child");
        assertEquals(new RegionState(RegionState.Kind.BACKED, 2), fixture.manager.state(lost), "their references stay");
    }

    @Test
    void aPageThatIsLostTakesItsChunkAlongButNotTheReferencesOfTheOthers() {
        FaultPlan plan = FaultPlan.builder()
                .answer(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, 7, TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX))
                .build();
        Fixture fixture = new Fixture(new FaultInjection(plan));
        Td td = built(fixture, 1, Backing.CHUNKS_2M, 1);
        td.mmu().fault(td.vcpus().get(0), 0, false);
        td.mmu().split(0);
        long chunk = td.memory().chunkAt(0);
        fixture.end(td);
        assertEquals(512, td.memory().lostPages());
        assertEquals(new RegionState(RegionState.Kind.BACKED, 1), fixture.manager.state(chunk));
        assertEquals(2, fixture.lab.complaints().size(), "the page, and the TD root, which has a child");
    }

    @Test
    void aSplitThatTheModuleRefusesLeavesThePageAsItWas() {
        FaultPlan plan = FaultPlan.builder()
                .answer(SeamcallLeaf.MEM_PAGE_DEMOTE, 1, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX))
                .answer(SeamcallLeaf.MEM_PAGE_DEMOTE, 2, TdxStatus.INTERRUPTED_RESTARTABLE.code())
                .build();
        try (Fixture fixture = new Fixture(new FaultInjection(plan))) {
            Td td = built(fixture, 1, Backing.CHUNKS_2M, 1);
            td.mmu().fault(td.vcpus().get(0), 0, false);
            SeamcallFailedException refused =
                    assertThrows(SeamcallFailedException.class, () -> td.mmu().split(0));
            assertEquals(SeamcallLeaf.MEM_PAGE_DEMOTE, refused.leaf());
            assertEquals(Td.State.RUNNABLE, td.state());
            assertEquals(1, fixture.leaves.calls(SeamcallLeaf.MEM_RANGE_UNBLOCK));
            assertTrue(td.mmu().split(0), "interrupted once, and made again");
            assertEquals(1, fixture.lab.counts().of(Event.RESTARTED));
            fixture.end(td);
        }
    }

    @Test
    void aTdThatIsNotBuiltToTheEndGivesEverythingBack() {
        for (SeamcallLeaf leaf : List.of(
                SeamcallLeaf.MNG_CREATE,
                SeamcallLeaf.MNG_ADDCX,
                SeamcallLeaf.MNG_INIT,
                SeamcallLeaf.VP_CREATE,
                SeamcallLeaf.VP_ADDCX,
                SeamcallLeaf.VP_INIT,
                SeamcallLeaf.MEM_SEPT_ADD,
                SeamcallLeaf.MEM_PAGE_ADD,
                SeamcallLeaf.MR_FINALIZE)) {
            FaultPlan plan = FaultPlan.builder()
                    .answer(leaf, 1, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX))
                    .build();
            try (Fixture fixture = new Fixture(new FaultInjection(plan))) {
                Td td = fixture.lab.newTd(2, fixture.lab.newMemory(BLOCK, Backing.PAGES_4K));
                assertThrows(SeamcallFailedException.class, () -> td.build(1), leaf::toString);
                fixture.end(td);
            }
        }
    }

    @Test
    void twoTdsCanHavePagesInOneRegion() {
        try (Fixture fixture = new Fixture()) {
            Td one = built(fixture, 1, Backing.PAGES_4K, 1);
            Td other = built(fixture, 1, Backing.PAGES_4K, 1);
            for (int page = 0; page < 16; page++) {
                one.mmu().fault(one.vcpus().get(0), page * PAGE, false);
                other.mmu().fault(other.vcpus().get(0), page * PAGE, false);
            }
            long region = one.memory().pageAt(0) & -BLOCK;
            assertEquals(region, other.memory().pageAt(0) & -BLOCK, "the allocator fills region by region");
            fixture.end(one);
            assertEquals(
                    RegionState.Kind.BACKED, fixture.manager.state(region).kind(), "the other one's pages are there");
            fixture.end(other);
            assertEquals(RegionState.Kind.EMPTY, fixture.manager.state(region).kind());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"onDemand", "septAtTopUp", "populate", "firstTd", "striped", "lazy"})
    void everyPolicyServesAGuestAndLeavesNothing(String policy) {
        try (Fixture fixture = new Fixture(policy)) {
            Td td = built(fixture, 8, Backing.CHUNKS_2M, 2);
            td.vcpus().get(0).guest().accept(0, 4 * 512, true);
            td.mmu().split(1);
            td.vcpus().get(1).guest().accept(4 * BLOCK, 4 * 512, false);
            td.mmu().convert(BLOCK + 3 * PAGE, 700, true);
            td.mmu().convert(BLOCK + 3 * PAGE, 700, false);
            td.vcpus().get(0).guest().accept(BLOCK + 3 * PAGE, 700, true);
            assertEquals(List.of(), fixture.lab.complaints());
            fixture.end(td);
        }
    }

    @Test
    void memoryOutlivesItsTd() {
        try (Fixture fixture = new Fixture()) {
            GuestMemory memory = fixture.lab.newMemory(2 * BLOCK, Backing.PAGES_4K);
            Td first = fixture.lab.newTd(1, memory);
            first.build(0);
            first.mmu().fault(first.vcpus().get(0), 5 * PAGE, false);
            long page = memory.pageAt(5 * PAGE);
            first.stop();
            first.reclaim(first.vcpus().get(0), 0, memory.blocks(), false);
            first.end();
            assertEquals(page, memory.pageAt(5 * PAGE));
            Td second = fixture.lab.newTd(1, memory);
            second.build(0);
            assertEquals(Fault.MAPPED, second.mmu().fault(second.vcpus().get(0), 5 * PAGE, false));
            assertEquals(page, memory.pageAt(5 * PAGE), "the same page");
            fixture.end(second);
        }
    }
}
