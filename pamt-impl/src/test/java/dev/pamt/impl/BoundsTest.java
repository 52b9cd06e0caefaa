package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bounds are bounds: idle regions, chunks without users, retries, failed attempts, the wait for the gate. */
class BoundsTest {
    private static final long REGION_BYTES = PageAllocator.CHUNK_BYTES;
    private static final int REGIONS = 64;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    private static long idleRegions(PamtManager manager) {
        long idle = 0;
        for (int region = 0; region < REGIONS; region++) {
            idle += manager.state(REGION + region * REGION_BYTES).kind() == Kind.IDLE ? 1 : 0;
        }
        return idle;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void noMoreRegionsAreIdleThanThePolicySays(int limit) throws Exception {
        PamtManager manager =
                rig.builder().reclaimPolicy(ReclaimPolicy.keepIdle(limit)).build();
        ExecutorService threads = Executors.newFixedThreadPool(REGIONS);
        long seed = new Random().nextLong();
        for (int round = 0; round < 20; round++) {
            List<Future<?>> running = new ArrayList<>();
            CountDownLatch start = new CountDownLatch(1);
            for (int thread = 0; thread < REGIONS; thread++) {
                Random random = new Random(seed + thread);
                running.add(threads.submit(() -> {
                    start.await();
                    for (int i = 0; i < 10; i++) {
                        long hpa = REGION + random.nextInt(REGIONS) * REGION_BYTES;
                        manager.get(hpa);
                        manager.put(hpa);
                    }
                    return null;
                }));
            }
            start.countDown();
            for (Future<?> one : running) {
                one.get(60, TimeUnit.SECONDS);
            }
            assertTrue(idleRegions(manager) <= limit, idleRegions(manager) + " idle regions, seed " + seed);
            assertTrue(manager.stats().pairs().installed() <= limit);
        }
        threads.shutdown();
        manager.close();
    }

    @Test
    void anIdleRegionKeepsItsPlaceInTheQueueThroughAMapping() {
        PamtManager manager =
                rig.builder().reclaimPolicy(ReclaimPolicy.keepIdle(2)).build();
        touch(manager, REGION);
        manager.map2M(REGION);
        manager.unmap2M(REGION);
        touch(manager, REGION);
        touch(manager, NEXT_REGION);
        assertEquals(Kind.IDLE, manager.state(REGION).kind(), "it is in the queue once and not evicted for itself");
        assertEquals(Kind.IDLE, manager.state(NEXT_REGION).kind());
        touch(manager, NEXT_REGION + REGION_BYTES);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind(), "the first in the queue");
        assertEquals(2, idleRegions(manager));
        manager.close();
    }

    private static void touch(PamtManager manager, long hpa) {
        manager.get(hpa);
        manager.put(hpa);
    }

    @Test
    void oneChunkStaysWhenAllUsersHaveLeft() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        int pairs = 20 * 256;
        cache.topUp(pairs);
        assertEquals(20, manager.stats().pages().donorChunks());
        Random random = new Random(1);
        List<PamtPageCache> caches = new ArrayList<>();
        for (int round = 0; round < 4; round++) {
            PamtPageCache more = manager.newVcpuCache();
            more.topUp(random.nextInt(300));
            caches.add(more);
            int regions = 1 + random.nextInt(60);
            for (int region = 0; region < regions; region++) {
                touch(manager, REGION + region * REGION_BYTES);
            }
        }
        caches.forEach(PamtPageCache::close);
        cache.close();
        assertTrue(manager.stats().pages().donorChunks() <= 1, manager.stats()::toString);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void regionsThatComeAndGoLeaveOneChunk() {
        PamtManager manager = rig.manager();
        Random random = new Random(7);
        List<Long> regions = new ArrayList<>();
        for (int region = 0; region < 500; region++) {
            long hpa = 0x1_0000_0000L + region * REGION_BYTES;
            if (manager.state(hpa).kind() == Kind.EMPTY) {
                manager.get(hpa);
                regions.add(hpa);
            }
        }
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1000);
        assertTrue(manager.stats().pages().donorChunks() >= 5);
        cache.close();
        Collections.shuffle(regions, random);
        regions.forEach(manager::put);
        assertEquals(0, manager.stats().pairs().installed());
        assertTrue(manager.stats().pages().donorChunks() <= 1, manager.stats()::toString);
        manager.close();
    }

    @Test
    void aRegionThatTheModuleNeverGivesBackIsTriedLessAndLessAndIsInNoOnesWay() {
        PamtManager manager = rig.manager();
        int[] calls = new int[1];
        rig.call = (module, rax, regs) -> {
            if (rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax() && (regs.rcx & -REGION_BYTES) == REGION) {
                calls[0]++;
                return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
            }
            return module.seamcall(rax, regs);
        };
        touch(manager, REGION);
        assertEquals(1, calls[0]);
        for (int put = 0; put < 1023; put++) {
            touch(manager, NEXT_REGION);
        }
        assertEquals(1 + 10, calls[0], "after 1, 2, 4, ... 512 last puts");
        for (int put = 0; put < 3 * 1024; put++) {
            touch(manager, NEXT_REGION);
        }
        assertEquals(1 + 10 + 3, calls[0], "and from then on after 1024 each");

        int[] others = new int[1];
        SeamcallProvider never = (rax, regs) -> TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        long third = NEXT_REGION + REGION_BYTES;
        rig.call = (module, rax, regs) -> {
            boolean remove = rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax();
            if (remove
                    && ((regs.rcx & -REGION_BYTES) == REGION
                            || ((regs.rcx & -REGION_BYTES) == third && others[0]++ == 0))) {
                return never.seamcall(rax, regs);
            }
            return module.seamcall(rax, regs);
        };
        touch(manager, third);
        assertEquals(2, manager.stats().calls().retryRegions());
        touch(manager, NEXT_REGION);
        assertEquals(Kind.EMPTY, manager.state(third).kind(), "it does not wait behind the one that never succeeds");
        rig.call = SeamcallProvider::seamcall;
        assertEquals(1, manager.trim());
        assertEquals(0, manager.stats().calls().retryRegions());
        manager.close();
    }

    @Test
    void aRegionInUseIsNotTriedAgain() {
        PamtManager manager = rig.manager();
        rig.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 1, (module, rax, regs) -> TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0));
        touch(manager, REGION);
        manager.get(REGION);
        assertEquals(1, manager.stats().calls().retryRegions());
        touch(manager, NEXT_REGION);
        assertEquals(0, manager.stats().calls().retryRegions());
        manager.put(REGION);
        manager.close();
    }

    @Test
    void aCallThatHangsStopsTheOthersForASecondAtMost() throws Exception {
        PamtManager manager = rig.manager();
        manager.get(NEXT_REGION + REGION_BYTES);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        Set<Long> busyOnce = ConcurrentHashMap.newKeySet();
        rig.call = (module, rax, regs) -> {
            long region = regs.rcx & -REGION_BYTES;
            if (region == REGION) {
                inside.countDown();
                awaitQuietly(end);
            } else if (region == NEXT_REGION && busyOnce.add(region)) {
                return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
            }
            return module.seamcall(rax, regs);
        };
        Thread hanging = new Thread(() -> manager.get(REGION));
        hanging.start();
        inside.await();
        long start = System.nanoTime();
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> manager.get(NEXT_REGION));
        long waited = System.nanoTime() - start;
        assertTrue(waited >= CallGate.PATIENCE_NANOS, "the second try waits to be alone: " + waited);
        assertTrue(rig.isBackedInModule(NEXT_REGION), "and is made all the same");
        assertEquals(1, manager.stats().calls().busy());
        end.countDown();
        hanging.join();
        for (int region = 0; region < 3; region++) {
            manager.put(REGION + region * REGION_BYTES);
        }
        manager.close();
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void sixteenMillionThreadsBetweenAnAttemptAndItsWipeChangeNoState() {
        int[] words = new int[1];
        Region region = new Region(REGION, words, 0);
        region.setState(RegionWord.EMPTY);
        for (int attempt = 1; attempt < 1 << 24; attempt++) {
            RegionTable.faa(words, 0, RegionWord.USER);
        }
        assertEquals(Kind.EMPTY, region.describe().kind());
        region.wipeAttempts();
        for (int stray = 0; stray < 1 << 24; stray++) {
            RegionTable.faa(words, 0, -RegionWord.USER);
        }
        assertEquals(Kind.EMPTY, region.describe().kind());
        region.wipeAttempts();
        assertEquals(RegionWord.EMPTY, region.word());
        region.setState(RegionWord.backed(3));
        region.wipeAttempts();
        assertEquals(3, RegionWord.users(region.word()), "users are not attempts");
    }

    @Test
    void aCallThatIsRefusedLeavesNoAttemptInTheWord() throws Exception {
        PamtManager manager = rig.manager();
        PamtPageCache empty = manager.newVcpuCache();
        assertThrows(CacheExhaustedException.class, () -> manager.get(REGION, empty));
        assertNoAttempts(manager);
        assertThrows(CacheExhaustedException.class, () -> manager.get(REGION, 512, empty));
        assertNoAttempts(manager);
        assertThrows(NoUsersException.class, () -> manager.put(REGION));
        assertNoAttempts(manager);
        manager.map2M(REGION);
        assertThrows(RegionMapped2MException.class, () -> manager.get(REGION));
        assertThrows(NoUsersException.class, () -> manager.put(REGION));
        assertNoAttempts(manager);
        manager.unmap2M(REGION);
        manager.close();
        assertThrows(ManagerClosedException.class, () -> manager.get(REGION));
        assertThrows(ManagerClosedException.class, () -> manager.put(REGION));
        assertNoAttempts(manager);
    }

    /** No caller can see attempts before there are millions of them. */
    private static void assertNoAttempts(PamtManager manager) throws ReflectiveOperationException {
        Field table = DynamicPamtManager.class.getDeclaredField("table");
        table.setAccessible(true);
        int word = ((RegionTable) table.get(manager)).region(REGION).word();
        assertFalse(RegionWord.hasAttempts(word), () -> Integer.toHexString(word));
    }

    @Test
    void callsAreSpreadOverTheProcessorsUnlessTheBuilderSaysOtherwise() throws Exception {
        Map<Integer, Integer> calls = new ConcurrentHashMap<>();
        SeamcallDecorator counting = (backend, processor) -> (rax, regs) -> {
            calls.merge(processor, 1, Integer::sum);
            return backend.seamcall(rax, regs);
        };
        SeamcallPlatform machine = counting.decorate(SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder()
                        .cmrs(TestHost.MAP.cmrs())
                        .processors(4)
                        .build()));
        PamtManager spread =
                PamtManager.builder().platform(machine).memory(TestHost.MAP).build();
        calls.clear();
        for (int thread = 0; thread < 64; thread++) {
            Thread caller = new Thread(() -> touch(spread, REGION));
            caller.start();
            caller.join();
        }
        assertEquals(Set.of(0, 1, 2, 3), calls.keySet());
        assertEquals(128, calls.values().stream().mapToInt(Integer::intValue).sum());
        spread.close();

        SeamcallPlatform other = counting.decorate(SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder()
                        .cmrs(TestHost.MAP.cmrs())
                        .processors(4)
                        .build()));
        int[] choice = {2};
        PamtManager chosen = PamtManager.builder()
                .platform(other)
                .memory(TestHost.MAP)
                .processors(() -> choice[0])
                .build();
        calls.clear();
        touch(chosen, REGION);
        assertEquals(Map.of(2, 2), new HashMap<>(calls));
        choice[0] = 4;
        assertEquals(
                "the choice of processors returned 4; the platform has processors 0 to 3",
                assertThrows(IndexOutOfBoundsException.class, () -> chosen.get(REGION))
                        .getMessage());
        assertEquals(Kind.EMPTY, chosen.state(REGION).kind());
        choice[0] = 0;
        chosen.close();
    }

    /** The target and the donors of the transition that is in the way. */
    @Test
    void aLockThatIsHeldForAnotherTargetIsContendedFalsely() throws Exception {
        rig.withoutChunks();
        PamtManager manager = rig.builder().lockStrategy(LockStrategy.per2M()).build();
        long far = NEXT_REGION + 10 * REGION_BYTES;
        long[] pages = {NEXT_REGION, NEXT_REGION + 4096, far, far + 4096};
        int[] next = new int[1];
        rig.takePage = allocator -> {
            synchronized (next) {
                return pages[next[0]++];
            }
        };
        rig.givePage = (allocator, hpa) -> {};
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (module, rax, regs) -> {
            inside.countDown();
            awaitQuietly(end);
            return module.seamcall(rax, regs);
        });
        Thread first = new Thread(() -> manager.get(REGION));
        first.start();
        inside.await();
        Thread second = new Thread(() -> manager.get(NEXT_REGION));
        second.start();
        while (manager.stats().locks().contended() == 0) {
            Thread.sleep(1);
        }
        end.countDown();
        first.join();
        second.join();
        assertEquals(0, manager.stats().locks().contendedTrue(), "the targets are different regions");
        assertTrue(manager.stats().locks().contendedFalse() >= 1);
        manager.put(REGION);
        manager.put(NEXT_REGION);
        manager.close();
    }

    @Test
    void aLockThatIsHeldForTheSameTargetIsContendedTruly() throws Exception {
        PamtManager manager = rig.builder().lockStrategy(LockStrategy.global()).build();
        touch(manager, NEXT_REGION);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (module, rax, regs) -> {
            inside.countDown();
            awaitQuietly(end);
            return module.seamcall(rax, regs);
        });
        Thread first = new Thread(() -> manager.get(REGION));
        first.start();
        inside.await();
        Thread same = new Thread(() -> manager.get(REGION));
        same.start();
        while (manager.stats().locks().contendedTrue() == 0) {
            Thread.sleep(1);
        }
        Thread another = new Thread(() -> manager.get(NEXT_REGION));
        another.start();
        while (manager.stats().locks().contendedFalse() == 0) {
            Thread.sleep(1);
        }
        end.countDown();
        first.join();
        same.join();
        another.join();
        assertEquals(1, manager.stats().locks().contendedTrue());
        assertEquals(1, manager.stats().locks().contendedFalse());
        manager.put(REGION, 2);
        manager.put(NEXT_REGION);
        manager.close();
    }
}
