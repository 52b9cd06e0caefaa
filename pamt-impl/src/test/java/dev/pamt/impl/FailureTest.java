package dev.pamt.impl;

import static dev.pamt.impl.TestHost.NEXT_REGION;
import static dev.pamt.impl.TestHost.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the host and the module fail to do: nothing is half taken, nothing is lost, and what can be repaired is. */
class FailureTest {
    private static final RegionState EMPTY = new RegionState(Kind.EMPTY, 0);
    private static final RegionState IDLE = new RegionState(Kind.IDLE, 0);
    private static final RegionState UNKNOWN = new RegionState(Kind.UNKNOWN, 0);
    private static final RegionState ONE_USER = new RegionState(Kind.BACKED, 1);
    private static final long BUSY = TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);

    private final TestHost host = new TestHost();
    private final long freeAtFirst = host.freePages();
    private final PamtManager manager = host.manager().build();
    private final List<Long> hoarded = new ArrayList<>();

    @AfterEach
    void nothingIsLost() {
        hoarded.forEach(host.allocator()::freePage);
        manager.close();
        // A chunk with a lost pair is never whole again.
        assertEquals(manager.stats().pairs().lost(), manager.stats().pages().donorChunks());
        assertEquals(
                256 * manager.stats().pages().donorChunks()
                        - manager.stats().pairs().lost(),
                manager.stats().pairs().spare());
        assertEquals(freeAtFirst - 512 * manager.stats().pages().donorChunks(), host.freePages());
        host.close();
    }

    /** Takes all memory of the host but for some pages. */
    private void leavePages(int pages) {
        for (long page = host.allocator().allocPage();
                page != PageAllocator.NONE;
                page = host.allocator().allocPage()) {
            hoarded.add(page);
        }
        for (int i = 0; i < pages; i++) {
            host.allocator().freePage(hoarded.remove(hoarded.size() - 1));
        }
    }

    @Test
    void aHostWithoutMemoryForThePage() {
        leavePages(0);
        OutOfPagesException thrown = assertThrows(OutOfPagesException.class, manager::allocPage);
        assertEquals("the host's page allocator has no memory left for a 4K page", thrown.getMessage());
    }

    @Test
    void aHostWithMemoryForThePageButNotForItsPair() {
        for (int pages = 1; pages <= 2; pages++) {
            leavePages(pages);
            OutOfPagesException thrown = assertThrows(OutOfPagesException.class, manager::allocPage);
            assertTrue(thrown.getMessage()
                    .startsWith("the host's page allocator has no memory left for a page pair for the region of 0x"));
            assertEquals(pages, host.freePages(), "the page, and the pair's first page, have gone back");
            assertEquals(0, manager.stats().pages().allocated());
        }
        leavePages(3);
        manager.freePage(manager.allocPage());
        assertEquals(3, host.freePages());
    }

    @Test
    void aGetThatFindsNoMemoryLeavesTheRegionAsItWas() {
        leavePages(1);
        assertThrows(OutOfPagesException.class, () -> manager.get(REGION, 512));
        assertEquals(EMPTY, manager.state(REGION));
        leavePages(2);
        manager.get(REGION);
        assertEquals(ONE_USER, manager.state(REGION));
        manager.put(REGION);
    }

    @Test
    void aPairThatAnotherRegionHasGivenBackIsFoundWhenTheHostHasNoMemory() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(255);
        manager.get(REGION);
        leavePages(0);
        manager.put(REGION);
        for (int region = 1; region <= 32; region++) {
            manager.get(REGION + region * PageAllocator.CHUNK_BYTES);
            manager.put(REGION + region * PageAllocator.CHUNK_BYTES);
        }
        assertEquals(33, manager.stats().calls().adds());
    }

    @Test
    void aTopUpThatFailsHalfWayKeepsWhatItHas() {
        leavePages(5);
        PamtPageCache cache = manager.newVcpuCache();
        assertThrows(OutOfPagesException.class, () -> cache.topUp(PamtPageCache.FAULT_PAIRS));
        assertEquals(2, cache.pairs());
        assertEquals(1, host.freePages());
        leavePages(6);
        cache.topUp(PamtPageCache.FAULT_PAIRS);
        assertEquals(5, cache.pairs());
    }

    @Test
    void aReservationThatCannotBeFilledIsNotMade() {
        leavePages(5);
        VmPageCache vm = manager.newVmCache();
        vm.topUp(1);
        assertThrows(OutOfPagesException.class, () -> vm.reserve(3));
        assertEquals(5, 2L * vm.unreserved() + host.freePages());
        vm.close();
        assertEquals(5, host.freePages());
    }

    @Test
    void anAllocatorThatGivesWhatIsNoRamIsToldSo() {
        PageAllocator broken = new PageAllocator() {
            @Override
            public long allocPage() {
                return 0xF0_0000_0000L;
            }

            @Override
            public void freePage(long hpa) {}
        };
        TestHost otherHost = new TestHost();
        try (PamtManager other = otherHost.manager().allocator(broken).build()) {
            assertEquals(
                    "the host's allocator gave page 0xf000000000, which lies outside the memory map",
                    assertThrows(IllegalStateException.class, () -> other.get(REGION))
                            .getMessage());
            assertEquals(EMPTY, other.state(REGION));
            assertEquals(
                    "the host's allocator gave page 0xf000000000, which lies outside the memory map",
                    assertThrows(IllegalStateException.class, other::allocPage).getMessage());
        }
    }

    @Test
    void anAddThatIsRefusedSaysWhyAndGivesThePairBack() {
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX));
        SeamcallFailedException thrown = assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
        assertEquals(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), thrown.status());
        assertEquals(SeamcallLeaf.PHYMEM_PAMT_ADD, thrown.leaf());
        assertTrue(thrown.getMessage().startsWith("TDH.PHYMEM.PAMT.ADD of (0x"), thrown.getMessage());
        assertTrue(
                thrown.getMessage()
                        .endsWith(
                                " to region 0x130000000 answered TDX_OPERAND_ADDR_RANGE_ERROR|RCX (0xc000010100000001)"),
                thrown.getMessage());
        assertEquals(EMPTY, manager.state(REGION));
        assertEquals(256, manager.stats().pairs().spare());
        assertEquals(1, manager.stats().calls().addFailures());

        manager.get(REGION);
        manager.put(REGION);
    }

    @Test
    void anAllocatedPageWhosePairIsRefusedGoesBack() {
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX));
        assertThrows(ForeignPagePairException.class, manager::allocPage);
        assertEquals(0, manager.stats().pages().allocated());
    }

    @Test
    void anAddFromACacheThatIsRefusedGivesThePairBackToTheCache() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX));
        assertThrows(SeamcallFailedException.class, () -> manager.get(REGION, cache));
        assertEquals(1, cache.pairs());
    }

    @Test
    void aBusyAddIsTriedOnceMore() {
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, BUSY);
        manager.get(REGION);
        assertTrue(host.isBackedInModule(REGION));
        assertEquals(1, manager.stats().calls().busy());
        assertEquals(0, manager.stats().calls().busyAgain());
        manager.put(REGION);
    }

    @Test
    void anAddThatIsBusyTwiceIsAnError() {
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, BUSY, BUSY);
        SeamcallFailedException thrown = assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
        assertEquals(BUSY, thrown.status());
        assertEquals(1, manager.stats().calls().busyAgain());
        assertEquals(EMPTY, manager.state(REGION));
    }

    @Test
    void aLockIsCountedOnceHoweverOftenItsCallIsTried() {
        manager.get(NEXT_REGION);
        long before = manager.stats().locks().acquisitions();
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, BUSY, BUSY);
        assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
        assertEquals(before + 1, manager.stats().locks().acquisitions());
        host.answer(SeamcallLeaf.PHYMEM_PAMT_ADD, BUSY);
        manager.get(REGION);
        assertEquals(before + 2, manager.stats().locks().acquisitions());
        manager.put(REGION);
        assertEquals(before + 3, manager.stats().locks().acquisitions());
        manager.put(NEXT_REGION);
    }

    @Test
    void aPutWhoseRemoveFailsLeavesTheRegionIdleAndIsTriedAgainByTheNextTransition() {
        manager.get(REGION);
        host.answer(SeamcallLeaf.PHYMEM_PAMT_REMOVE, BUSY, BUSY);
        manager.put(REGION);
        assertEquals(IDLE, manager.state(REGION));
        assertTrue(host.isBackedInModule(REGION));
        assertEquals(1, manager.stats().calls().removeFailures());
        assertEquals(1, manager.stats().calls().retryRegions());
        assertEquals(1, manager.stats().pairs().installed());

        manager.get(NEXT_REGION);
        manager.put(NEXT_REGION);
        assertEquals(EMPTY, manager.state(REGION));
        assertFalse(host.isBackedInModule(REGION));
        assertEquals(0, manager.stats().calls().retryRegions());
    }

    @Test
    void anIdleRegionWhoseRemoveFailedIsUsedAgainWithoutASeamcall() {
        manager.get(REGION);
        host.answer(SeamcallLeaf.PHYMEM_PAMT_REMOVE, TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1));
        manager.put(REGION);
        manager.get(REGION);
        assertEquals(ONE_USER, manager.state(REGION));
        assertEquals(1, manager.stats().calls().adds());
        manager.put(REGION);
        assertEquals(EMPTY, manager.state(REGION));
        assertEquals(0, manager.stats().calls().retryRegions());
    }

    @Test
    void freePageNeverFailsForAModuleError() {
        long page = manager.allocPage();
        host.answer(SeamcallLeaf.PHYMEM_PAMT_REMOVE, TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0));
        manager.freePage(page);
        assertEquals(IDLE, manager.state(page));
        assertEquals(0, manager.stats().pages().allocated());
        assertEquals(1, manager.trim());
        assertEquals(EMPTY, manager.state(page));
    }

    @Test
    void a2MMappingSaysWhyTheIdlePairDoesNotComeBack() {
        manager.get(REGION);
        long notEmpty = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1);
        host.answer(SeamcallLeaf.PHYMEM_PAMT_REMOVE, notEmpty, notEmpty);
        manager.put(REGION);
        SeamcallFailedException thrown = assertThrows(SeamcallFailedException.class, () -> manager.map2M(REGION));
        assertEquals(
                "TDH.PHYMEM.PAMT.REMOVE of idle region 0x130000000 answered TDX_PAMT_PAGE_NOT_EMPTY|0x1"
                        + " (0xc000030600000001)",
                thrown.getMessage());
        assertEquals(IDLE, manager.state(REGION));
        manager.map2M(REGION);
        manager.unmap2M(REGION);
    }

    @Test
    void closeReportsAPairThatTheModuleDoesNotGiveBackAndStaysOpen() {
        manager.get(REGION);
        long notEmpty = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        host.answer(SeamcallLeaf.PHYMEM_PAMT_REMOVE, notEmpty, notEmpty);
        manager.put(REGION);
        RegionsInUseException thrown = assertThrows(RegionsInUseException.class, manager::close);
        assertEquals(List.of(new RegionsInUseException.Leftover(REGION, IDLE)), thrown.leftovers());
        manager.get(REGION);
        manager.put(REGION);
    }

    @Test
    void anAddWithoutAnswerCostsThePairAndNothingElse() {
        host.loseTheModuleOnce(SeamcallLeaf.PHYMEM_PAMT_ADD);
        assertThrows(SeamcallUnavailableException.class, () -> manager.get(REGION));
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(UNKNOWN, manager.state(REGION));
        manager.get(REGION);
        assertEquals(ONE_USER, manager.state(REGION));
        manager.put(REGION);
        assertEquals(1, manager.stats().pairs().lost());
    }

    @Test
    void aRemoveWithoutAnswerDoesNotFailThePut() {
        manager.get(REGION);
        host.loseTheModuleOnce(SeamcallLeaf.PHYMEM_PAMT_REMOVE);
        manager.put(REGION);
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(UNKNOWN, manager.state(REGION));
        assertEquals(0, manager.trim());
        assertEquals(EMPTY, manager.state(REGION));
    }
}
