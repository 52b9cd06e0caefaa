package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.ReentrantCallException;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What a callback throws, or does that it must not: no lock stays held, no page is lost, no attempt stays in a word. */
class CallbackFailureTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        assertEquals(Set.of(), rig.locksHeld);
        rig.close();
    }

    private static long fault() {
        throw new UnsupportedOperationException("a fault of the callback");
    }

    @Test
    void anAllocatorThatThrowsLeavesNoAttemptsInTheWord() {
        PamtManager manager = rig.manager();
        rig.takeChunk = allocator -> fault();
        for (int get = 0; get < 70_000; get++) {
            assertThrows(UnsupportedOperationException.class, () -> manager.get(REGION, 512));
        }
        rig.takeChunk = PageAllocator::allocChunk;
        manager.get(REGION, 512);
        assertEquals(512, manager.state(REGION).users());
        manager.put(REGION, 512);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void theSecondPageOfAPairThatDoesNotComeLosesNotTheFirst() {
        PamtManager manager = rig.withoutChunks().manager();
        int[] calls = new int[1];
        rig.takePage = allocator -> ++calls[0] % 2 == 0 ? fault() : allocator.allocPage();
        assertThrows(UnsupportedOperationException.class, () -> manager.get(REGION));
        assertEquals(0, rig.pagesOut());
        VmPageCache vm = manager.newVmCache();
        rig.takePage = allocator -> ++calls[0] % 5 == 0 ? fault() : allocator.allocPage();
        calls[0] = 0;
        assertThrows(UnsupportedOperationException.class, () -> vm.reserve(4));
        assertEquals(4, rig.pagesOut(), "two pairs have gone to the VM's cache");
        assertEquals(2, vm.unreserved());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aPageOrChunkThatTheAllocatorDoesNotTakeBackIsStranded() {
        PamtManager manager = rig.manager();
        rig.givePage = (allocator, hpa) -> fault();
        rig.giveChunk = (allocator, hpa) -> fault();
        long page = manager.allocPage();
        manager.freePage(page);
        assertEquals(1, manager.stats().pages().stranded());
        assertEquals(0, manager.stats().pages().allocated());
        manager.trim();
        assertEquals(513, manager.stats().pages().stranded());
        assertEquals(0, manager.stats().pages().donorChunks());
        manager.close();
        assertEquals(513, rig.pagesOut());
    }

    @Test
    void aPairThatCannotBeScrubbedIsLostAndThePutDoesNotFail() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        rig.scrub = (memory, hpa) -> fault();
        manager.put(REGION);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(0, manager.stats().pairs().installed());
        assertEquals(255, manager.stats().pairs().spare());
        rig.scrub = PhysicalMemory::clearPage;
        long page = manager.allocPage();
        rig.scrub = (memory, hpa) -> fault();
        manager.freePage(page);
        assertEquals(1, manager.stats().pages().stranded());
        assertEquals(2, manager.stats().pairs().lost());
        manager.close();
    }

    @Test
    void freePageThatFailsToReclaimHasFreedThePage() {
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        long page = manager.allocPage();
        rig.lock = (held, number) -> fault();
        manager.freePage(page);
        assertEquals(Kind.IDLE, manager.state(page).kind());
        assertEquals(1, manager.stats().calls().retryRegions());
        assertEquals(0, manager.stats().pages().allocated());
        assertThrows(PamtException.class, () -> manager.freePage(page));
        rig.lock = (held, number) -> held.add(number);
        assertEquals(1, manager.trim());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aLockThatThrowsInAPutLeavesTheRegionToBeTriedAgain() {
        for (ReclaimPolicy policy : List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(1))) {
            try (Rig mine = new Rig()) {
                PamtManager manager =
                        mine.builder().lockStrategy(mine).reclaimPolicy(policy).build();
                manager.get(REGION);
                manager.get(NEXT_REGION);
                mine.lock = (held, number) -> fault();
                manager.put(REGION);
                manager.put(NEXT_REGION);
                mine.lock = (held, number) -> held.add(number);
                assertEquals(2, manager.trim());
                manager.close();
                assertEquals(0, mine.pagesOut());
            }
        }
    }

    @Test
    void aRegionThatIsLeftIdleWhileItsOldPairGoesHomeIsTriedAgain() {
        PamtManager manager = rig.withoutChunks().builder().lockStrategy(rig).build();
        manager.get(REGION);
        rig.givePage = (allocator, hpa) -> {
            rig.givePage = PageAllocator::freePage;
            manager.get(REGION);
            rig.lock = (held, number) -> fault();
            manager.put(REGION);
            rig.lock = (held, number) -> held.add(number);
            allocator.freePage(hpa);
        };
        manager.put(REGION);
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(1, manager.stats().calls().retryRegions());
        manager.get(NEXT_REGION);
        manager.put(NEXT_REGION);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void theLocksThatAreTakenAreGivenBackWhenTheNextOneThrows() {
        rig.withoutChunks();
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        for (int failing = 1; failing <= 3; failing++) {
            int[] taken = {failing};
            long[] region = {0x1_1000_0000L};
            // Three regions, so three locks.
            rig.takePage = allocator -> {
                region[0] += 2L << 20;
                return region[0];
            };
            rig.givePage = (allocator, hpa) -> {};
            rig.lock = (held, number) -> {
                taken[0]--;
                if (taken[0] == 0) {
                    fault();
                }
                held.add(number);
            };
            assertThrows(UnsupportedOperationException.class, () -> manager.get(REGION));
            assertEquals(0, taken[0]);
            assertEquals(Set.of(), rig.locksHeld);
            assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        }
        rig.lock = (held, number) -> held.add(number);
        manager.close();
    }

    @Test
    void anUnlockThatThrowsIsNobodyElsesTrouble() {
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        rig.unlock = (held, number) -> {
            held.remove(number);
            fault();
        };
        assertDoesNotThrow(() -> manager.get(REGION));
        assertEquals(1, manager.state(REGION).users());
        assertDoesNotThrow(() -> manager.put(REGION));
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void locksThatCannotBeMadeCloseTheHostThatWasOpened() {
        SeamcallPlatform machine = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder().cmrs(TestHost.MAP.cmrs()).build());
        LockStrategy broken = new LockStrategy() {
            @Override
            public String name() {
                return "broken";
            }

            @Override
            public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
                throw new UnsupportedOperationException("a fault of the strategy");
            }
        };
        assertThrows(UnsupportedOperationException.class, () -> PamtManager.builder()
                .platform(machine)
                .memory(TestHost.MAP)
                .lockStrategy(broken)
                .build());
        Seamcalls calls = new Seamcalls(machine.processor(0));
        assertThrows(SeamcallUnavailableException.class, () -> calls.provider().seamcall(0, new SeamcallRegisters()));
    }

    @Test
    void spareBitsOutOfRangeAreRefused() {
        LockStrategy.RegionBits bits = new RegionTable(TestHost.MAP.ram());
        long region = REGION >> 21;
        assertThrows(IllegalArgumentException.class, () -> bits.compareAndSet(region, 0, 4));
        assertThrows(IllegalArgumentException.class, () -> bits.compareAndSet(region, -1, 0));
        assertTrue(bits.compareAndSet(region, 0, 3));
        assertEquals(3, bits.get(region));
    }

    /** What a call from inside a SEAMCALL may not do. */
    private static List<Executable> transitions(PamtManager manager, PamtPageCache cache, VmPageCache vm) {
        return List.of(
                () -> manager.get(NEXT_REGION),
                () -> manager.get(NEXT_REGION, cache),
                () -> manager.map2M(NEXT_REGION),
                () -> manager.unmap2M(NEXT_REGION),
                () -> manager.demote2M(NEXT_REGION, cache, regs -> 0),
                () -> manager.promote2M(NEXT_REGION, regs -> 0),
                manager::allocPage,
                manager::trim,
                manager::reclaimIdle,
                () -> vm.topUp(300),
                manager::close);
    }

    @Test
    void aManagerThatIsCalledFromInsideASeamcallSaysSo() {
        assertTimeoutPreemptively(Duration.ofSeconds(30), CallbackFailureTest::callFromInside);
    }

    private static void callFromInside() {
        for (LockStrategy strategy : List.of(LockStrategy.global(), LockStrategy.per2M())) {
            try (Rig mine = new Rig()) {
                PamtManager manager = mine.builder().lockStrategy(strategy).build();
                PamtPageCache cache = manager.newVcpuCache();
                cache.topUp(2);
                VmPageCache vm = manager.newVmCache();
                int[] refused = new int[1];
                mine.call = (module, rax, regs) -> {
                    mine.call = SeamcallProvider::seamcall;
                    for (Executable transition : transitions(manager, cache, vm)) {
                        assertThrows(ReentrantCallException.class, transition);
                        refused[0]++;
                    }
                    return module.seamcall(rax, regs);
                };
                manager.get(REGION);
                manager.put(REGION);
                manager.map2M(REGION);
                manager.demote2M(REGION, cache, regs -> {
                    for (Executable transition : transitions(manager, cache, vm)) {
                        assertThrows(ReentrantCallException.class, transition);
                        refused[0]++;
                    }
                    return TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE);
                });
                assertEquals(22, refused[0]);
                assertEquals(2, cache.pairs());
                manager.unmap2M(REGION);
                manager.close();
                assertEquals(0, mine.pagesOut());
            }
        }
    }

    @Test
    void aLastPutFromInsideASeamcallLeavesTheRegionToBeTriedAgain() {
        PamtManager manager = rig.builder().lockStrategy(LockStrategy.global()).build();
        manager.get(NEXT_REGION);
        rig.call = (module, rax, regs) -> {
            rig.call = SeamcallProvider::seamcall;
            manager.put(NEXT_REGION);
            return module.seamcall(rax, regs);
        };
        manager.get(REGION);
        assertEquals(Kind.IDLE, manager.state(NEXT_REGION).kind());
        manager.put(REGION);
        assertEquals(Kind.EMPTY, manager.state(NEXT_REGION).kind());
        manager.close();
    }

    @Test
    void busyOfWhatNoTransitionHoldsIsNotTriedAgain() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        manager.map2M(REGION);
        int[] calls = new int[1];
        for (TdxOperand operand : List.of(TdxOperand.SEPT_TREE, TdxOperand.TDR, TdxOperand.RCX, TdxOperand.R12)) {
            calls[0] = 0;
            long busy = TdxStatus.OPERAND_BUSY.with(operand);
            long status = manager.demote2M(REGION, cache, regs -> {
                calls[0]++;
                return busy;
            });
            assertEquals(busy, status);
            assertEquals(operand == TdxOperand.RCX || operand == TdxOperand.R12 ? 2 : 1, calls[0], operand.name());
        }
        assertEquals(2, manager.stats().calls().busy());
        manager.unmap2M(REGION);
        manager.close();
    }

    @Test
    void nullIsRefusedBeforeAnythingIsTaken() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        manager.map2M(REGION);
        assertThrows(NullPointerException.class, () -> manager.demote2M(REGION, cache, null));
        assertThrows(NullPointerException.class, () -> manager.demote2M(REGION, null, regs -> 0));
        assertThrows(NullPointerException.class, () -> manager.promote2M(REGION, null));
        assertEquals(
                "cache",
                assertThrows(NullPointerException.class, () -> manager.get(NEXT_REGION, null))
                        .getMessage());
        assertEquals(2, cache.pairs());
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        manager.unmap2M(REGION);
        manager.close();
    }

    @Test
    void aTopUpOfACacheThatIsClosedMeanwhileEnds() {
        PamtManager manager = rig.withoutChunks().manager();
        VmPageCache vm = manager.newVmCache();
        PamtPageCache vcpu = manager.newVcpuCache();
        int[] pages = new int[1];
        rig.takePage = allocator -> {
            if (++pages[0] == 5) {
                vm.close();
                vcpu.close();
            }
            return allocator.allocPage();
        };
        assertThrows(ManagerClosedException.class, () -> vm.topUp(8));
        pages[0] = 4;
        assertThrows(ManagerClosedException.class, () -> vcpu.topUp(8));
        assertEquals(0, rig.pagesOut());
        manager.close();
    }

    @Test
    void aReservationThatCannotBeFilledBecauseOfAnyFaultIsNotMade() {
        PamtManager manager = rig.withoutChunks().manager();
        VmPageCache vm = manager.newVmCache();
        OutOfMemoryError noMemory = new OutOfMemoryError("made by a test");
        int[] pages = new int[1];
        rig.takePage = allocator -> {
            if (++pages[0] == 4) {
                throw noMemory;
            }
            return allocator.allocPage();
        };
        assertSame(noMemory, assertThrows(OutOfMemoryError.class, () -> vm.reserve(2)));
        rig.takePage = allocator -> PageAllocator.NONE;
        assertEquals(1, vm.unreserved());
        assertThrows(OutOfPagesException.class, () -> vm.reserve(2));
        assertEquals(1, vm.unreserved());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }
}
