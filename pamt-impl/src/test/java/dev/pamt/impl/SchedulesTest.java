package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two calls of one region, by controlled schedules: the first is held inside its SEAMCALL or a callback of the host, and the
 * second begins, and waits or ends. What each answers, and what is left, is exact.
 */
class SchedulesTest {
    private static final long SECONDS = 20;
    private static final long REFUSED = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(TdxOperand.RCX);

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    static Stream<LockStrategy> strategies() {
        return Stream.of(LockStrategy.global(), LockStrategy.hashed(1), LockStrategy.per2M());
    }

    private PamtManager manager(LockStrategy strategy) {
        return rig.builder().lockStrategy(strategy).build();
    }

    /** A call that runs in a thread of its own. */
    private static final class Call extends FutureTask<Object> {
        private final Thread thread = new Thread(this);

        Call(Callable<Object> call) {
            super(call);
            thread.setDaemon(true);
            thread.start();
        }

        Object answer() throws Exception {
            return get(SECONDS, TimeUnit.SECONDS);
        }

        /** What it has thrown, or null. */
        Throwable failure() throws Exception {
            try {
                answer();
                return null;
            } catch (ExecutionException e) {
                return e.getCause();
            }
        }

        Call awaitWaiting() throws InterruptedException {
            while (thread.getState() != Thread.State.WAITING) {
                assertFalse(isDone(), "the call does not wait");
                Thread.sleep(1);
            }
            return this;
        }
    }

    private static Call call(Runnable body) {
        return new Call(() -> {
            body.run();
            return null;
        });
    }

    /** Holds the next call of a leaf at a point, and has it answer a status then instead of being made; 0 makes it. */
    private Point hold(SeamcallLeaf leaf, long status) {
        Point point = new Point();
        rig.next(leaf, 1, (module, rax, regs) -> {
            point.pass();
            return status == 0 ? module.seamcall(rax, regs) : status;
        });
        return point;
    }

    private void closeWithNothingOut(PamtManager manager) {
        manager.close();
        assertEquals(0, rig.pagesOut());
        assertEquals(0, manager.stats().pairs().lost());
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetInsideTheAddOfAnotherWaitsForItAndCounts(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call first = call(() -> manager.get(REGION, 3));
        add.awaitReached();
        Call second = call(() -> manager.get(REGION + 0x1000)).awaitWaiting();
        assertEquals(Kind.UNKNOWN, manager.state(REGION).kind());
        add.open();
        first.answer();
        second.answer();
        assertEquals(4, manager.state(REGION).users());
        assertEquals(1, manager.stats().calls().adds());
        assertEquals(1, manager.stats().pairs().installed());
        manager.put(REGION, 4);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void twoGetsThatBothBringAPairInstallOneAndTheOtherGoesBack(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call first = call(() -> manager.get(REGION, cache));
        add.awaitReached();
        assertEquals(1, cache.pairs());
        Call second = call(() -> manager.get(REGION, cache)).awaitWaiting();
        assertEquals(0, cache.pairs(), "the second has its pair in hand");
        add.open();
        first.answer();
        second.answer();
        assertEquals(1, manager.stats().calls().lostRaces());
        assertEquals(1, cache.pairs());
        manager.put(REGION, 2);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetThatHasWaitedForAFullRegionIsRefusedAndLeavesItFull(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call first = call(() -> manager.get(REGION, 512));
        add.awaitReached();
        Call second = call(() -> manager.get(REGION)).awaitWaiting();
        add.open();
        first.answer();
        assertInstanceOf(TooManyUsersException.class, second.failure());
        assertEquals(512, manager.state(REGION).users());
        assertEquals(1, manager.stats().calls().lostRaces());
        manager.put(REGION, 512);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetThatHasFoundARegionFullIsNotCountedThoughTheOthersLeaveBeforeItIsRefused(LockStrategy strategy)
            throws Exception {
        PamtManager manager =
                rig.withoutChunks().builder().lockStrategy(strategy).build();
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call first = call(() -> manager.get(REGION, 512));
        add.awaitReached();
        Call second = call(() -> manager.get(REGION)).awaitWaiting();
        rig.givePage = (allocator, hpa) -> {
            rig.givePage = PageAllocator::freePage;
            // The second has found no room, and gives back the pair that it does not need.
            assertEquals(512, manager.state(REGION).users());
            manager.put(REGION, 512);
            allocator.freePage(hpa);
        };
        add.open();
        first.answer();
        assertInstanceOf(TooManyUsersException.class, second.failure());
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(1, manager.stats().calls().adds());
        assertEquals(1, manager.stats().calls().removes());
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void allocPageInsideAGetThatTheModuleRefusesInstallsItsOwnPair(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        rig.takePage = allocator -> REGION + 0x5000;
        rig.givePage = (allocator, hpa) -> assertEquals(REGION + 0x5000, hpa);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, REFUSED);
        Call get = call(() -> manager.get(REGION, 512));
        add.awaitReached();
        Call alloc = new Call(manager::allocPage).awaitWaiting();
        add.open();
        assertInstanceOf(SeamcallFailedException.class, get.failure());
        assertEquals(REGION + 0x5000, alloc.answer());
        assertEquals(1, manager.state(REGION).users(), "the refused users are not there");
        assertTrue(rig.isBackedInModule(REGION));
        assertEquals(1, manager.stats().pages().allocated());
        manager.freePage(REGION + 0x5000);
        assertFalse(rig.isBackedInModule(REGION));
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aPageInsideItsFreeIsFreedByOneThreadAndGivenToNone(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        long page = manager.allocPage();
        Point remove = hold(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 0);
        Call free = call(() -> manager.freePage(page));
        remove.awaitReached();
        assertInstanceOf(
                DoubleFreeException.class, call(() -> manager.freePage(page)).failure());
        assertInstanceOf(NoUsersException.class, call(() -> manager.put(page)).failure());
        assertEquals(1, manager.stats().pages().allocated(), "it is not with the host yet");
        Point scrub = new Point();
        rig.scrub = (memory, hpa) -> {
            if (hpa == page) {
                scrub.pass();
            }
            memory.clearPage(hpa);
        };
        remove.open();
        scrub.awaitReached();
        Call alloc = new Call(manager::allocPage);
        assertNotEquals(page, alloc.answer());
        assertEquals(2, manager.stats().pages().allocated());
        scrub.open();
        free.answer();
        assertEquals(1, manager.stats().pages().allocated());
        manager.freePage((long) alloc.answer());
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetInsideAReclaimWaitsForItAndInstallsAPairAnew(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        manager.get(REGION);
        Point remove = hold(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 0);
        Call put = call(() -> manager.put(REGION));
        remove.awaitReached();
        assertInstanceOf(NoUsersException.class, call(() -> manager.put(REGION)).failure());
        Call get = call(() -> manager.get(REGION)).awaitWaiting();
        remove.open();
        put.answer();
        get.answer();
        assertEquals(1, manager.state(REGION).users());
        assertTrue(rig.isBackedInModule(REGION));
        assertEquals(2, manager.stats().calls().adds());
        assertEquals(1, manager.stats().calls().removes());
        manager.put(REGION);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetInsideAReclaimThatFailsFindsTheRegionBacked(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        manager.get(REGION);
        Point remove = hold(SeamcallLeaf.PHYMEM_PAMT_REMOVE, REFUSED);
        Call put = call(() -> manager.put(REGION));
        remove.awaitReached();
        Call get = call(() -> manager.get(REGION, 2)).awaitWaiting();
        remove.open();
        put.answer();
        get.answer();
        assertEquals(2, manager.state(REGION).users());
        assertEquals(1, manager.stats().calls().adds());
        assertEquals(1, manager.stats().calls().removeFailures());
        manager.put(REGION, 2);
        assertFalse(rig.isBackedInModule(REGION));
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aTrimInsideAnAddTakesNothingBack(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call get = call(() -> manager.get(REGION));
        add.awaitReached();
        Call trim = new Call(manager::trim).awaitWaiting();
        add.open();
        get.answer();
        assertEquals(0, trim.answer());
        assertEquals(1, manager.state(REGION).users());
        assertEquals(0, manager.stats().calls().removes());
        manager.put(REGION);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aMappingInsideAnAddIsRefusedAndOneInsideAReclaimIsMade(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        Point add = hold(SeamcallLeaf.PHYMEM_PAMT_ADD, 0);
        Call get = call(() -> manager.get(REGION));
        add.awaitReached();
        Call map = call(() -> manager.map2M(REGION)).awaitWaiting();
        add.open();
        get.answer();
        assertInstanceOf(RegionInUseException.class, map.failure());
        assertEquals(1, manager.state(REGION).users());

        Point remove = hold(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 0);
        Call put = call(() -> manager.put(REGION));
        remove.awaitReached();
        map = call(() -> manager.map2M(REGION)).awaitWaiting();
        remove.open();
        put.answer();
        map.answer();
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        assertFalse(rig.isBackedInModule(REGION));
        manager.unmap2M(REGION);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void usersInsideASplitAndAMergeAreThoseOf512Pages(LockStrategy strategy) throws Exception {
        PamtManager manager = manager(strategy);
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        manager.map2M(REGION);
        Point demote = new Point();
        long[] pages = new long[2];
        Call split = new Call(() -> manager.demote2M(REGION, cache, regs -> {
            demote.pass();
            pages[0] = regs.r12;
            pages[1] = regs.r13;
            return 0;
        }));
        demote.awaitReached();
        assertInstanceOf(NoUsersException.class, call(() -> manager.put(REGION)).failure());
        Call tooMany = call(() -> manager.get(REGION)).awaitWaiting();
        demote.open();
        assertEquals(0L, split.answer());
        assertInstanceOf(TooManyUsersException.class, tooMany.failure());
        assertEquals(512, manager.state(REGION).users());

        Point promote = new Point();
        Call merge = new Call(() -> manager.promote2M(REGION, regs -> {
            promote.pass();
            return REFUSED;
        }));
        promote.awaitReached();
        assertInstanceOf(NoUsersException.class, call(() -> manager.put(REGION)).failure());
        Call stillTooMany = call(() -> manager.get(REGION)).awaitWaiting();
        promote.open();
        assertEquals(REFUSED, merge.answer());
        assertInstanceOf(TooManyUsersException.class, stillTooMany.failure());
        assertEquals(512, manager.state(REGION).users());
        manager.promote2M(REGION, regs -> {
            regs.r12 = pages[0];
            regs.r13 = pages[1];
            return 0;
        });
        assertEquals(1, manager.stats().calls().demotes());
        assertEquals(1, manager.stats().calls().promotes());
        manager.unmap2M(REGION);
        closeWithNothingOut(manager);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void aGetInsideTheEvictionOfAnIdleRegionWaitsAndTheNextPutQueuesItAgain(LockStrategy strategy) throws Exception {
        PamtManager manager = rig.builder()
                .lockStrategy(strategy)
                .reclaimPolicy(ReclaimPolicy.keepIdle(1))
                .build();
        manager.get(REGION);
        manager.put(REGION);
        manager.get(NEXT_REGION);
        Point remove = hold(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 0);
        Call evicting = call(() -> manager.put(NEXT_REGION));
        remove.awaitReached();
        assertEquals(Kind.UNKNOWN, manager.state(REGION).kind(), "the first in the queue");
        Call get = call(() -> manager.get(REGION)).awaitWaiting();
        remove.open();
        evicting.answer();
        get.answer();
        assertEquals(Kind.IDLE, manager.state(NEXT_REGION).kind());
        manager.put(REGION);
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(Kind.EMPTY, manager.state(NEXT_REGION).kind(), "it was the first by then");
        assertEquals(1, manager.trim());
        assertEquals(0, manager.stats().pairs().installed());
        closeWithNothingOut(manager);
    }

    @Test
    void aCallThatIsBusyIsMadeAgainWhenNoOtherCallIsInside() throws Exception {
        PamtManager manager = manager(LockStrategy.per2M());
        manager.get(NEXT_REGION + 512 * 0x1000);
        Point inside = new Point();
        AtomicInteger callsForRegion = new AtomicInteger();
        rig.call = (module, rax, regs) -> {
            if ((regs.rcx & -0x20_0000L) == NEXT_REGION) {
                inside.pass();
            } else if (callsForRegion.getAndIncrement() == 0) {
                return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
            }
            return module.seamcall(rax, regs);
        };
        Call other = call(() -> manager.get(NEXT_REGION));
        inside.awaitReached();
        Call busy = new Call(() -> {
            manager.get(REGION);
            return null;
        });
        while (callsForRegion.get() == 0) {
            Thread.onSpinWait();
        }
        Thread.sleep(50);
        assertEquals(1, callsForRegion.get(), "the second try waits for the call that is inside");
        inside.open();
        other.answer();
        busy.answer();
        assertEquals(2, callsForRegion.get());
        assertEquals(1, manager.stats().calls().busy());
        assertEquals(0, manager.stats().calls().busyAgain());
        manager.put(REGION);
        manager.put(NEXT_REGION);
        manager.put(NEXT_REGION + 512 * 0x1000);
        closeWithNothingOut(manager);
    }
}
