package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * A close beside every other call, by controlled schedules: a callback stops one thread at a named point while the other runs.
 * After a close that has succeeded everything is back with the host.
 */
class CloseTest {
    private static final long SECONDS = 20;

    private final Rig rig = new Rig();
    private final ExecutorService other = Executors.newFixedThreadPool(2);

    @AfterEach
    void close() {
        other.shutdownNow();
        rig.close();
    }

    private static Throwable failureOf(Future<?> call) throws Exception {
        try {
            call.get(SECONDS, TimeUnit.SECONDS);
            return null;
        } catch (ExecutionException e) {
            return e.getCause();
        }
    }

    private static void awaitBlocked(Thread thread) throws InterruptedException {
        while (thread.getState() != Thread.State.WAITING && thread.getState() != Thread.State.TIMED_WAITING) {
            assertTrue(thread.isAlive(), "the call does not wait");
            Thread.sleep(1);
        }
    }

    @Test
    void aGetThatFetchesAChunkFindsTheManagerClosedAndTheChunkGoesBack() throws Exception {
        PamtManager manager = rig.manager();
        Point fetching = new Point();
        rig.takeChunk = allocator -> {
            long chunk = allocator.allocChunk();
            fetching.pass();
            return chunk;
        };
        Future<?> get = other.submit(() -> manager.get(REGION));
        fetching.awaitReached();
        manager.close();
        fetching.open();
        assertInstanceOf(ManagerClosedException.class, failureOf(get));
        assertEquals(0, rig.pagesOut());
        assertFalse(rig.isBackedInModule(REGION));
    }

    @Test
    void theAllocatorIsAskedForNothingOnceAGetCanFindTheManagerClosed() throws Exception {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        PamtPageCache behind = manager.newVcpuCache();
        AtomicInteger asked = new AtomicInteger();
        Point fetching = new Point();
        rig.takeChunk = allocator -> {
            asked.getAndIncrement();
            fetching.pass();
            return PageAllocator.NONE;
        };
        rig.takePage = allocator -> {
            asked.getAndIncrement();
            return allocator.allocPage();
        };
        Future<?> topUp = other.submit(() -> cache.topUp(1));
        fetching.awaitReached();
        AtomicReference<Thread> waiter = new AtomicReference<>();
        Future<?> topUpBehind = other.submit(() -> {
            waiter.set(Thread.currentThread());
            behind.topUp(1);
        });
        while (waiter.get() == null) {
            Thread.onSpinWait();
        }
        awaitBlocked(waiter.get());
        manager.close();
        fetching.open();
        assertInstanceOf(ManagerClosedException.class, failureOf(topUp));
        assertInstanceOf(ManagerClosedException.class, failureOf(topUpBehind));
        assertEquals(1, asked.get());
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void allocPageThatHasAPageFindsTheManagerClosedAndThePageGoesBack() throws Exception {
        PamtManager manager = rig.manager();
        Point taking = new Point();
        rig.takePage = allocator -> {
            long page = allocator.allocPage();
            taking.pass();
            return page;
        };
        Future<?> alloc = other.submit(manager::allocPage);
        taking.awaitReached();
        manager.close();
        taking.open();
        assertInstanceOf(ManagerClosedException.class, failureOf(alloc));
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aTopUpAndAReservationUnderWayGiveBackWhatTheyHave() throws Exception {
        PamtManager manager = rig.withoutChunks().manager();
        PamtPageCache vcpu = manager.newVcpuCache();
        VmPageCache vm = manager.newVmCache();
        vcpu.topUp(3);
        vm.topUp(3);
        vm.reserve(4);
        Point taking = new Point();
        rig.takePage = allocator -> {
            taking.pass();
            return allocator.allocPage();
        };
        Future<?> topUp = other.submit(() -> vcpu.topUp(8));
        taking.awaitReached();
        manager.close();
        taking.open();
        assertInstanceOf(ManagerClosedException.class, failureOf(topUp));
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aPutThatScrubsIsWaitedFor() throws Exception {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        Point scrubbing = new Point();
        rig.scrub = (memory, hpa) -> {
            scrubbing.pass();
            memory.clearPage(hpa);
        };
        Future<?> put = other.submit(() -> manager.put(REGION));
        scrubbing.awaitReached();
        Thread[] closer = new Thread[1];
        CountDownLatch started = new CountDownLatch(1);
        Future<?> close = other.submit(() -> {
            closer[0] = Thread.currentThread();
            started.countDown();
            manager.close();
        });
        started.await();
        awaitBlocked(closer[0]);
        assertFalse(close.isDone());
        scrubbing.open();
        assertNull(failureOf(put));
        assertNull(failureOf(close));
        assertEquals(0, rig.pagesOut());
        assertEquals(0, manager.stats().pairs().lost());
    }

    @Test
    void aPutThatScrubsForeverEndsTheWaitAndBringsItsPairHomeItself() throws Exception {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        Point scrubbing = new Point();
        rig.scrub = (memory, hpa) -> {
            scrubbing.pass();
            memory.clearPage(hpa);
        };
        Future<?> put = other.submit(() -> manager.put(REGION));
        scrubbing.awaitReached();
        manager.close();
        assertEquals(512, rig.pagesOut());
        scrubbing.open();
        assertNull(failureOf(put));
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void callsThatComeWhileItIsUndecidedWait() throws Exception {
        PamtManager manager =
                rig.builder().reclaimPolicy(ReclaimPolicy.keepIdle(2)).build();
        manager.get(REGION);
        manager.put(REGION);
        manager.get(NEXT_REGION);
        manager.map2M(NEXT_REGION + (2L << 20));
        Point closing = new Point();
        rig.call = (module, rax, regs) -> {
            rig.call = SeamcallProvider::seamcall;
            closing.pass();
            return module.seamcall(rax, regs);
        };
        Future<?> close = other.submit(manager::close);
        closing.awaitReached();
        List<Thread> waiting = new ArrayList<>();
        for (Runnable call : List.<Runnable>of(
                manager::trim,
                manager::newVcpuCache,
                manager::allocPage,
                () -> manager.map2M(NEXT_REGION + (4L << 20)),
                () -> manager.unmap2M(NEXT_REGION + (2L << 20)),
                () -> manager.get(NEXT_REGION + (6L << 20)))) {
            Thread caller = new Thread(call);
            caller.start();
            awaitBlocked(caller);
            waiting.add(caller);
        }
        manager.get(NEXT_REGION);
        closing.open();
        assertInstanceOf(RegionsInUseException.class, failureOf(close));
        for (Thread caller : waiting) {
            caller.join(TimeUnit.SECONDS.toMillis(SECONDS));
            assertFalse(caller.isAlive());
        }
        assertEquals(Kind.HUGE, manager.state(NEXT_REGION + (4L << 20)).kind());
        assertEquals(Kind.EMPTY, manager.state(NEXT_REGION + (2L << 20)).kind());
        assertEquals(1, manager.state(NEXT_REGION + (6L << 20)).users());
        assertEquals(2, manager.state(NEXT_REGION).users());
        assertEquals(1, manager.stats().pages().allocated());
    }

    @Test
    void whatIsInCachesAndReservationsGoesBackAndStaysBack() {
        for (boolean chunks : new boolean[] {true, false}) {
            try (Rig mine = chunks ? new Rig() : new Rig().withoutChunks()) {
                PamtManager manager = mine.manager();
                PamtPageCache vcpu = manager.newVcpuCache();
                VmPageCache vm = manager.newVmCache();
                vcpu.topUp(3);
                vm.topUp(2);
                PamtPageCache reservation = vm.reserve(4);
                manager.close();
                assertEquals(0, mine.pagesOut());
                assertEquals(0, manager.stats().pairs().cached());
                assertEquals(0, manager.stats().pages().donorChunks());
                assertThrows(ManagerClosedException.class, () -> reservation.topUp(8));
                assertThrows(ManagerClosedException.class, () -> vcpu.topUp(1));
                assertThrows(ManagerClosedException.class, () -> vm.reserve(1));
                assertThrows(ManagerClosedException.class, () -> manager.get(REGION, reservation));
                reservation.close();
                vcpu.close();
                vm.close();
                assertEquals(0, mine.pagesOut());
            }
        }
    }

    @Test
    void aCloseFromInsideTheHostsAllocatorIsOneClose() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        manager.put(REGION);
        int[] closes = new int[1];
        rig.giveChunk = (allocator, hpa) -> {
            closes[0]++;
            manager.close();
            assertThrows(ManagerClosedException.class, () -> manager.get(REGION));
            assertThrows(ManagerClosedException.class, manager::newVmCache);
            allocator.freeChunk(hpa);
        };
        manager.close();
        assertEquals(1, closes[0]);
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void theHostIsClosedWhateverTheAllocatorAndTheMemoryThrow() {
        TestHost host = new TestHost();
        PageAllocator pages = host.allocator();
        PageAllocator broken = new PageAllocator() {
            @Override
            public long allocPage() {
                return pages.allocPage();
            }

            @Override
            public void freePage(long hpa) {
                throw new UnsupportedOperationException();
            }

            @Override
            public long allocChunk() {
                return pages.allocChunk();
            }

            @Override
            public void freeChunk(long hpa) {
                throw new UnsupportedOperationException();
            }
        };
        PamtManager manager = PamtManager.builder()
                .platform(SeamcallProviderFactory.named("emulator")
                        .open(PlatformConfig.builder().cmrs(TestHost.MAP.cmrs()).build()))
                .memory(TestHost.MAP)
                .allocator(broken)
                .build();
        manager.newVcpuCache().topUp(2);
        manager.close();
        assertEquals(512, manager.stats().pages().stranded());
        assertThrows(
                SeamcallUnavailableException.class,
                () -> manager.host().platform().processor(0).seamcall(0, new SeamcallRegisters()));
        host.close();
    }

    @Test
    void pairsThatStayInTheModuleAreSpokenOf() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        rig.call = (module, rax, regs) -> {
            module.seamcall(rax, regs);
            regs.rdx = 0;
            return 0;
        };
        manager.put(REGION);
        String line = logOf(manager::close);
        assertTrue(line.contains("0 page pair(s) are still counted as installed, and 1 are lost"), line);
    }

    @Test
    void aCloseThatFindsUsersLeavesEverythingAsItWas() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        manager.get(REGION);
        assertThrows(RegionsInUseException.class, manager::close);
        assertEquals(2, cache.pairs());
        manager.get(NEXT_REGION, cache);
        manager.put(NEXT_REGION);
        manager.put(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    private static SeamcallUnavailableException gone() {
        return SeamcallUnavailableException.notSent("the module is gone", null);
    }

    @Test
    void aUserThatComesBesideAnUnreachableModuleKeepsAllRegionsAsTheyWere() {
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        long third = NEXT_REGION + PageAllocator.CHUNK_BYTES;
        for (long hpa : List.of(REGION, NEXT_REGION, third)) {
            manager.get(hpa);
        }
        rig.call = (module, rax, regs) -> {
            throw gone();
        };
        for (long hpa : List.of(REGION, NEXT_REGION, third)) {
            manager.put(hpa);
        }
        // All are looked at, and then each is given up under its lock: the second has got a user by then.
        int[] locksOfSecond = new int[1];
        rig.lock = (held, number) -> {
            held.add(number);
            if (number == NEXT_REGION >>> 21 && ++locksOfSecond[0] == 3) {
                manager.get(NEXT_REGION);
            }
        };
        RegionsInUseException inUse = assertThrows(RegionsInUseException.class, manager::close);
        assertEquals(
                List.of(new RegionsInUseException.Leftover(NEXT_REGION, manager.state(NEXT_REGION))),
                inUse.leftovers());
        assertEquals(1, manager.state(NEXT_REGION).users());
        assertEquals(Kind.IDLE, manager.state(REGION).kind(), "it had been given up");
        assertEquals(Kind.IDLE, manager.state(third).kind());
        rig.call = SeamcallProvider::seamcall;
        manager.put(NEXT_REGION);
        assertEquals(2, manager.trim());
        assertEquals(0, manager.stats().calls().retryRegions());
        manager.close();
        assertEquals(0, manager.stats().pairs().lost());
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aCloseWithoutTheModuleLosesWhatIsInstalledAndForgetsToTryAgain() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        rig.call = (module, rax, regs) -> {
            throw gone();
        };
        manager.put(REGION);
        assertEquals(1, manager.stats().calls().retryRegions());
        manager.close();
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(0, manager.stats().pairs().installed());
        assertEquals(0, manager.stats().calls().retryRegions());
        assertEquals(Kind.UNKNOWN, manager.state(REGION).kind());
    }

    private static String logOf(Runnable call) {
        PrintStream err = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            call.run();
        } finally {
            System.setErr(err);
        }
        return log.toString(StandardCharsets.UTF_8);
    }

    @Test
    void pagesOfAllocPageThatWereNeverFreedAreSpokenOfAndNothingIsSaidWithoutReason() {
        PamtManager manager = rig.manager();
        long page = manager.allocPage();
        manager.put(page);
        String log = logOf(manager::close);
        assertTrue(log.contains("the manager is closed; 1 page(s) are not back yet"), log);
        assertFalse(log.contains("page pair(s)"), log);
        PamtManager clean = rig.manager();
        assertEquals("", logOf(clean::close));
    }

    @Test
    void aCloseFromInsideTheHostsAllocatorLeavesTheMachineToTheOneThatIsUnderWay() {
        SeamcallPlatform machine = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder().cmrs(TestHost.MAP.cmrs()).build());
        PamtManager manager = PamtManager.builder()
                .platform(machine)
                .memory(TestHost.MAP)
                .allocator(rig)
                .build();
        manager.newVcpuCache().topUp(1);
        Seamcalls calls = new Seamcalls(machine.processor(0));
        int[] answered = new int[1];
        rig.giveChunk = (allocator, hpa) -> {
            manager.close();
            calls.pageRdmd(new SeamcallRegisters(), REGION);
            answered[0]++;
            allocator.freeChunk(hpa);
        };
        manager.close();
        assertEquals(1, answered[0]);
        assertThrows(SeamcallUnavailableException.class, () -> calls.pageRdmd(new SeamcallRegisters(), REGION));
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void theHostIsAskedForNoPageWhileACloseIsUndecided() throws Exception {
        PamtManager manager =
                rig.builder().reclaimPolicy(ReclaimPolicy.keepIdle(2)).build();
        manager.get(REGION);
        manager.put(REGION);
        manager.get(NEXT_REGION);
        AtomicInteger asked = new AtomicInteger();
        rig.takePage = allocator -> {
            asked.getAndIncrement();
            return allocator.allocPage();
        };
        Point closing = new Point();
        rig.call = (module, rax, regs) -> {
            rig.call = SeamcallProvider::seamcall;
            closing.pass();
            return module.seamcall(rax, regs);
        };
        Future<?> close = other.submit(manager::close);
        closing.awaitReached();
        Thread caller = new Thread(manager::allocPage);
        caller.start();
        awaitBlocked(caller);
        assertEquals(0, asked.get());
        closing.open();
        assertInstanceOf(RegionsInUseException.class, failureOf(close));
        caller.join(TimeUnit.SECONDS.toMillis(SECONDS));
        assertEquals(1, asked.get());
        assertEquals(1, manager.stats().pages().allocated());
    }

    @Test
    void aPairThatCouldNotBeScrubbedIsNotWaitedFor() {
        for (boolean chunks : new boolean[] {true, false}) {
            try (Rig mine = chunks ? new Rig() : new Rig().withoutChunks()) {
                PamtManager manager = mine.manager();
                manager.get(REGION);
                mine.scrub = (memory, hpa) -> {
                    throw new UnsupportedOperationException("a fault of the memory");
                };
                manager.put(REGION);
                String log = logOf(manager::close);
                assertFalse(log.contains("are not back yet"), log);
                assertTrue(log.contains("1 are lost"), log);
            }
        }
    }

    @Test
    void aRegionThatCannotBeGivenUpBesideAnUnreachableModuleKeepsTheManagerOpen() {
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        manager.get(REGION);
        manager.get(NEXT_REGION);
        rig.call = (module, rax, regs) -> {
            throw gone();
        };
        manager.put(REGION);
        manager.put(NEXT_REGION);
        // The third lock of each is the one under which it is given up; the fourth of the first is the one that takes
        // it back.
        int[] locksOfFirst = new int[1];
        int[] locksOfSecond = new int[1];
        List<Kind> ofFirst = new ArrayList<>();
        rig.lock = (held, number) -> {
            if (number == RegionTable.regionOf(NEXT_REGION) && ++locksOfSecond[0] == 3) {
                throw new UnsupportedOperationException("a fault of the strategy");
            }
            held.add(number);
            if (number == RegionTable.regionOf(REGION) && ++locksOfFirst[0] > 3) {
                ofFirst.add(manager.state(REGION).kind());
            }
        };
        RegionsInUseException inUse = assertThrows(RegionsInUseException.class, manager::close);
        assertEquals(
                List.of(new RegionsInUseException.Leftover(NEXT_REGION, manager.state(NEXT_REGION))),
                inUse.leftovers());
        assertEquals(List.of(Kind.UNKNOWN), ofFirst);
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(Kind.IDLE, manager.state(NEXT_REGION).kind());
        assertEquals(Set.of(), rig.locksHeld);
        rig.lock = (held, number) -> held.add(number);
        rig.call = SeamcallProvider::seamcall;
        assertEquals(2, manager.trim());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }
}
