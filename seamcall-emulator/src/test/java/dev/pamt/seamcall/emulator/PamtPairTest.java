package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.Latency;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Page pairs: given, used, taken back; and what locks and fatal errors leave. */
@Timeout(30)
class PamtPairTest {
    private static final long NON_LEAF_PAMT = 1L << 63 | 15;
    private static final long LATENCY_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private final TestHost host = TestHost.ready();

    @Test
    void aPairIsReturnedInTheOrderInWhichItWasGiven() {
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 3), page(7, 1)));
        assertTrue(host.donated(page(9, 3)));
        expect(TdxStatus.SUCCESS, host.remove(5));
        assertEquals(page(9, 3), host.regs.rdx);
        assertEquals(page(7, 1), host.regs.r8);
        assertFalse(host.donated(page(9, 3)));
    }

    @Test
    void aPairIsZeroedWhateverTheHostLeftInIt() {
        long[] words = {page(9, 3), page(9, 3) + 4088, page(7, 1), page(7, 1) + 4088};
        for (long word : words) {
            host.machine.memory().write64(word, -1);
        }
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 3), page(7, 1)));
        for (long word : words) {
            assertEquals(0, host.machine.memory().read64(word));
        }
    }

    @Test
    void theSamePageTwiceIsRefusedAndGivenBackInTheBitmap() {
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8), host.add(5, page(9, 3), page(9, 3)));
        assertFalse(host.donated(page(9, 3)));
    }

    @Test
    void aReservedPageIsNoPairPage() {
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX), host.add(5, page(0, 3), page(9, 3)));
    }

    @Test
    void aPageInUseKeepsThePair() {
        host.add(5, page(9, 0), page(9, 1));
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, page(5, 300), 40));
        expect(TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1), host.remove(5));
        assertEquals(1, host.entry2m(5, 1) & 0x3FF);
    }

    @Test
    void aPageWithoutPairIsMissingIt() {
        expect(
                TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.RCX),
                host.calls().mngCreate(host.regs, page(5, 3), 40));
    }

    @Test
    void metadataOfARegionNamesThePair() {
        host.add(5, page(9, 0), page(9, 1));
        expect(TdxStatus.SUCCESS, host.rdmd(PageLevel.SIZE_2M.encode(region(5))));
        assertEquals(NON_LEAF_PAMT, host.regs.rcx);
        assertEquals(1, host.regs.r8);
        assertEquals(page(9, 0), host.regs.r10);
        assertEquals(page(9, 1), host.regs.r11);
    }

    @Test
    void metadataOfAPairPageAndOfAReservedPageLookAlike() {
        host.add(5, page(9, 0), page(9, 1));
        for (long page : new long[] {page(9, 0), page(0, 5)}) {
            expect(TdxStatus.SUCCESS, host.rdmd(page));
            assertEquals(15, host.regs.rcx);
            assertEquals(0, host.regs.r8);
        }
    }

    @Test
    void metadataOfAFreePageShowsTheLevelAtWhichTheWalkEnds() {
        host.rdmd(page(6, 5));
        assertEquals(1, host.regs.r8);
        host.add(6, page(9, 0), page(9, 1));
        host.rdmd(page(6, 5));
        assertEquals(0, host.regs.r8);
        host.rdmd(PageLevel.SIZE_1G.encode(TestHost.TDMR));
        assertEquals(2, host.regs.r8);
    }

    @Test
    void metadataAfterRemoveShowsWhatThePairLeftBehind() {
        host.add(5, page(9, 3), page(9, 4));
        host.remove(5);
        host.rdmd(PageLevel.SIZE_2M.encode(region(5)));
        assertEquals(0, host.regs.rcx);
        assertEquals(page(9, 3) << 4 & (1L << 52) - 1, host.regs.rdx);
    }

    @Test
    void aSharerOfTheRegionMakesAddBusyAndSetsHostPriority() {
        host.setLock2m(5, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), host.add(5, page(9, 0), page(9, 1)));
        assertEquals(6, host.lock2m(5));
        host.setLock2m(5, 2);
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
        assertEquals(0, host.lock2m(5));
    }

    @Test
    void aHolderOfTheDonorRegionMakesAddBusyWithThatPage() {
        host.setLock2m(9, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.R8), host.add(5, page(8, 0), page(9, 1)));
        assertEquals(7, host.lock2m(9));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.lock2m(8));
    }

    @Test
    void anAddOfARegionFromItsOwnPagesLooksAtNoOtherLock() {
        expect(TdxStatus.SUCCESS, host.add(5, page(5, 0), page(5, 511)));
        expect(TdxStatus.SUCCESS, host.remove(5));
    }

    @Test
    void twoAddsBetweenShareAndPromoteBothFail() {
        CyclicBarrier together = new CyclicBarrier(2);
        TestHost racing = TestHost.ready(TestHost.config().build(), true, point -> {
            if (point == RacePoint.WALK_BEFORE_PROMOTE_2M || point == RacePoint.WALK_PROMOTE_REFUSED_2M) {
                await(together);
            }
        });
        long[] statuses =
                both(() -> new TestCall(racing, 0).add(region(5), page(9, 0), page(9, 1)), () -> new TestCall(racing, 1)
                        .add(region(5), page(9, 2), page(9, 3)));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), statuses[0]);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), statuses[1]);
        assertEquals(2, racing.lock2m(5));
        assertFalse(racing.donated(page(9, 0)));
    }

    @Test
    void twoAddsOfTheSamePagesInOppositeOrderCanBothFail() {
        CyclicBarrier together = new CyclicBarrier(2);
        TestHost racing = TestHost.ready(TestHost.config().build(), true, point -> {
            if (point == RacePoint.PAIR_HALF_CLAIMED || point == RacePoint.PAIR_HALF_REFUSED) {
                await(together);
            }
        });
        long[] statuses =
                both(() -> new TestCall(racing, 0).add(region(5), page(9, 0), page(9, 1)), () -> new TestCall(racing, 1)
                        .add(region(6), page(9, 1), page(9, 0)));
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8), statuses[0]);
        expect(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8), statuses[1]);
        assertFalse(racing.donated(page(9, 0)));
        assertFalse(racing.donated(page(9, 1)));
    }

    @Test
    void twoAddsThatDonatePagesOfEachOthersRegionCanBothFail() {
        CyclicBarrier together = new CyclicBarrier(2);
        TestHost racing = TestHost.ready(TestHost.config().build(), true, point -> {
            if (point == RacePoint.REGION_LOCKED || point == RacePoint.DONOR_REFUSED) {
                await(together);
            }
        });
        long[] statuses =
                both(() -> new TestCall(racing, 0).add(region(5), page(6, 0), page(9, 0)), () -> new TestCall(racing, 1)
                        .add(region(6), page(5, 0), page(9, 1)));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), statuses[0]);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), statuses[1]);
        assertFalse(racing.donated(page(6, 0)));
        assertFalse(racing.donated(page(5, 0)));
    }

    @Test
    void demoteGivesWayToABlockThatWantsTheTree() {
        // DEMOTE asks for an interrupt at its last point of return; there the other processor tries to BLOCK.
        AtomicReference<LongSupplier> other = new AtomicReference<>();
        AtomicLong blockStatus = new AtomicLong();
        TestHost racing = TestHost.ready(
                TestHost.config()
                        .interrupts(processor -> {
                            LongSupplier block = other.getAndSet(null);
                            if (block != null) {
                                blockStatus.set(block.getAsLong());
                            }
                            return false;
                        })
                        .build(),
                true,
                RacePoint.Listener.none());
        TestTd td = new TestTd(racing);
        td.aug(0, region(6));
        td.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, PageLevel.SIZE_2M.encode(0), TestTd.TDR, 0);
        td.succeed(SeamcallLeaf.MEM_TRACK, TestTd.TDR, 0, 0);
        other.set(() -> racing.calls(1)
                .memRangeBlock(new SeamcallRegisters(), PageLevel.SIZE_2M.encode(0x20_0000), TestTd.TDR));

        SeamcallRegisters regs = new SeamcallRegisters();
        long demoted = racing.calls(0)
                .memPageDemote(
                        regs, PageLevel.SIZE_2M.encode(0), TestTd.TDR, TestTd.septPage(1), page(9, 10), page(9, 11));

        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.SEPT_TREE), blockStatus.get());
        expect(TdxStatus.INTERRUPTED_BUSY, demoted);
        assertEquals(PageLevel.SIZE_2M.encode(0), regs.rcx);
        assertFalse(racing.donated(page(9, 10)));
        expect(
                TdxStatus.SUCCESS,
                racing.calls(0)
                        .memPageDemote(
                                regs,
                                PageLevel.SIZE_2M.encode(0),
                                TestTd.TDR,
                                TestTd.septPage(1),
                                page(9, 10),
                                page(9, 11)));
    }

    @Test
    void aCountWithoutPagesIsFatalAndEndsTheModule() {
        host.add(5, page(9, 0), page(9, 1));
        long word1 = TestHost.entry2mHpa(5) + 8;
        host.machine.memory().write64(word1, host.machine.memory().read64(word1) + 1);
        SeamcallUnavailableException first = assertThrows(SeamcallUnavailableException.class, () -> host.remove(5));
        assertTrue(first.getMessage().contains("343"), first::getMessage);
        assertEquals(
                new FatalError(343, SeamcallLeaf.PHYMEM_PAMT_REMOVE, 0),
                host.machine.fatal().orElseThrow());
        assertEquals(1, host.lock2m(5), "the lock stays held");
        assertThrows(SeamcallUnavailableException.class, () -> host.rdmd(page(5, 0)));
    }

    @Test
    void latencyIsSpentWhileTheRegionIsLocked() {
        long busy = TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        TestHost slow = TestHost.ready(
                TestHost.config()
                        .latencyNanos(SeamcallLeaf.PHYMEM_PAMT_ADD, LATENCY_NANOS)
                        .build(),
                true,
                RacePoint.Listener.none());
        long seen = -1;
        // A busy machine may keep this thread from looking for longer than the latency.
        for (int i = 10; i < 30 && seen != busy; i++) {
            seen = statusOfAddBeside(slow, i);
        }
        expect(busy, seen);
    }

    private static long statusOfAddBeside(TestHost slow, int region) {
        long start = System.nanoTime();
        Thread other = new Thread(() -> new TestCall(slow, 1).add(region(region), page(9, region), page(8, region)));
        other.start();
        while (slow.lock2m(region) == 0 && other.isAlive()) {
            Thread.onSpinWait();
        }
        long status = slow.add(region, page(7, region), page(6, region));
        join(other);
        assertTrue(System.nanoTime() - start >= LATENCY_NANOS);
        return status;
    }

    /** A call that may run beside others: it has registers of its own. */
    private record TestCall(TestHost host, int processor) {
        long add(long region, long page0, long page1) {
            return host.calls(processor).pamtAdd(new SeamcallRegisters(), region, page0, page1);
        }
    }

    private interface Call {
        long run();
    }

    private static long[] both(Call first, Call second) {
        long[] statuses = new long[2];
        Thread other = new Thread(() -> statuses[1] = second.run());
        other.start();
        statuses[0] = first.run();
        join(other);
        return statuses;
    }

    private static void await(CyclicBarrier barrier) {
        try {
            barrier.await(10, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void callsTakeTheTimeThatWasMeasured() {
        EmulatorConfig.Builder config = TestHost.config()
                .latency(SeamcallLeaf.PHYMEM_PAMT_ADD, Latency.MEASURED_PAMT_ADD)
                .latency(SeamcallLeaf.PHYMEM_PAMT_REMOVE, Latency.MEASURED_PAMT_REMOVE);
        TestHost measured = TestHost.ready(config.build(), true, RacePoint.Listener.none());
        long start = System.nanoTime();
        for (int i = 0; i < 10; i++) {
            expect(TdxStatus.SUCCESS, measured.add(5, page(9, 0), page(9, 1)));
            expect(TdxStatus.SUCCESS, measured.remove(5));
        }
        long leastNanos = 10 * (Latency.MEASURED_PAMT_ADD.nanos(0) + Latency.MEASURED_PAMT_REMOVE.nanos(0));
        assertTrue(System.nanoTime() - start >= leastNanos);
    }
}
