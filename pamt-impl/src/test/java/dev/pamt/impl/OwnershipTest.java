package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every page has one owner, whatever the module and the host's allocator do. */
class OwnershipTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final int PAGES_OF_A_CHUNK = 512;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    /** What a module may name instead of the pages that a region held. */
    private static void exchange(String kind, SeamcallRegisters regs, long otherPage) {
        switch (kind) {
            case "zero" -> {
                regs.rdx = 0;
                regs.r8 = 0;
            }
            case "swapped" -> {
                long page0 = regs.rdx;
                regs.rdx = regs.r8;
                regs.r8 = page0;
            }
            case "first twice" -> regs.r8 = regs.rdx;
            case "second wrong" -> regs.r8 += PAGE;
            case "another region's" -> {
                regs.rdx = otherPage;
                regs.r8 = otherPage + PAGE;
            }
            default -> {
                regs.rdx = 0xFFFF_FFFF_FFFF_F000L;
                regs.r8 = 0x7FFF_FFFF_FFFF_F000L;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"zero", "swapped", "first twice", "second wrong", "another region's", "invented"})
    void pagesThatTheRegionDidNotHoldAreNotTaken(String kind) {
        for (boolean chunks : new boolean[] {true, false}) {
            try (Rig mine = chunks ? new Rig() : new Rig().withoutChunks()) {
                Set<Long> scrubbed = new HashSet<>();
                mine.scrub = (memory, hpa) -> scrubbed.add(hpa);
                long[] neighbours = new long[1];
                mine.call = (module, rax, regs) -> {
                    if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax() && (regs.rcx & -PAGE) == NEXT_REGION) {
                        neighbours[0] = regs.rdx;
                    }
                    return module.seamcall(rax, regs);
                };
                PamtManager manager = mine.manager();
                manager.get(REGION);
                manager.get(NEXT_REGION);
                mine.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 1, (module, rax, regs) -> {
                    long status = module.seamcall(rax, regs);
                    exchange(kind, regs, neighbours[0]);
                    return status;
                });
                manager.put(REGION);
                assertEquals(Kind.EMPTY, manager.state(REGION).kind());
                assertEquals(1, manager.stats().pairs().lost());
                assertEquals(1, manager.stats().pairs().installed());
                assertEquals(Set.of(), scrubbed);
                manager.get(REGION);
                manager.put(REGION);
                manager.put(NEXT_REGION);
                assertEquals(4, scrubbed.size());
                assertEquals(1, manager.stats().pairs().lost());
                manager.close();
                assertEquals(chunks ? PAGES_OF_A_CHUNK : 2, mine.pagesOut());
            }
        }
    }

    @Test
    void theSecondPageOfAPairIsScrubbedAsWell() {
        List<Long> scrubbed = new ArrayList<>();
        rig.scrub = (memory, hpa) -> scrubbed.add(hpa);
        PamtManager manager = rig.manager();
        manager.get(REGION);
        manager.put(REGION);
        assertEquals(2, scrubbed.size());
        assertEquals(PAGE, scrubbed.get(1) - scrubbed.get(0));
        manager.close();
    }

    @Test
    void aMergeThatGivesOtherPagesBackCostsThePairAndMapsTheRegion() {
        PamtManager manager = rig.manager();
        manager.get(REGION, 512);
        long status = manager.promote2M(REGION, regs -> {
            new Seamcalls(rig.host.platform().processor(0)).pamtRemove(new SeamcallRegisters(), REGION);
            regs.r12 = 0;
            regs.r13 = 0;
            return 0;
        });
        assertEquals(0, status);
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(0, manager.stats().pairs().installed());
        manager.unmap2M(REGION);
        manager.close();
    }

    @Test
    void aPairThatTheModuleDeniesIsLostAndTheRegionEmpty() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 1, (module, rax, regs) -> {
            // A backend that sends a call twice: the first one was carried out.
            module.seamcall(rax, regs);
            return module.seamcall(rax, regs);
        });
        manager.put(REGION);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(1, manager.stats().pairs().lost());
        manager.get(REGION);
        assertTrue(rig.isBackedInModule(REGION));
        manager.put(REGION);
        manager.map2M(REGION);
        manager.unmap2M(REGION);
        manager.close();
    }

    @Test
    void aRegionWithAForeignPairIsRefusedAndThePairGoesBack() {
        PamtManager manager = rig.manager();
        manager.get(NEXT_REGION);
        long page = rig.host.allocator().allocPage();
        long next = rig.host.allocator().allocPage();
        new Seamcalls(rig.host.platform().processor(0)).pamtAdd(new SeamcallRegisters(), REGION, page, next);
        ForeignPagePairException thrown = assertThrows(ForeignPagePairException.class, () -> manager.get(REGION));
        assertEquals(
                "the module holds a page pair or a large page in the region of 0x130000000 that this manager has not"
                        + " installed; a host has one manager, and its regions no other user",
                thrown.getMessage());
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(0, manager.stats().pairs().lost());
        assertTrue(rig.isBackedInModule(REGION), "the other one's pair is where it was");
        manager.put(NEXT_REGION);
        manager.close();
        assertEquals(2, rig.pagesOut());
    }

    @Test
    void aPairThatTheModuleRefusesIsSetAsideAndAnotherIsTaken() {
        PamtManager manager = rig.manager();
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 3, (module, rax, regs) -> TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8));
        manager.get(REGION);
        assertEquals(3, manager.stats().pairs().setAside());
        assertEquals(3, manager.stats().calls().addFailures());
        assertEquals(256 - 4, manager.stats().pairs().spare());
        manager.trim();
        assertEquals(0, manager.stats().pairs().setAside());
        assertEquals(256 - 1, manager.stats().pairs().spare());
        manager.put(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void eightRefusedPairsAreEnoughForAGetAndSixtyFourForAManager() {
        PamtManager manager = rig.manager();
        int[] adds = new int[1];
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, Integer.MAX_VALUE, (module, rax, regs) -> {
            adds[0]++;
            return TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX);
        });
        for (int get = 1; get <= 8; get++) {
            assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
            assertEquals(8 * get, adds[0]);
            assertEquals(8L * get, manager.stats().pairs().setAside());
        }
        assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
        assertEquals(65, adds[0], "the pair of the ninth get goes back, and ends it");
        assertEquals(64, manager.stats().pairs().setAside());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aCacheOffersTheModuleItsOwnPairsOnly() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 9, (module, rax, regs) -> TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX));
        SeamcallFailedException thrown = assertThrows(SeamcallFailedException.class, () -> manager.get(REGION, cache));
        assertEquals(TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX), thrown.status());
        assertEquals(2, manager.stats().pairs().setAside());
        assertEquals(0, cache.pairs());
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aSplitWhosePairIsRefusedSetsItAside() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        manager.map2M(REGION);
        long refusal = TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R12);
        assertEquals(refusal, manager.demote2M(REGION, cache, regs -> refusal));
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        assertEquals(1, cache.pairs());
        assertEquals(1, manager.stats().pairs().setAside());
        manager.unmap2M(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @ParameterizedTest
    @ValueSource(
            longs = {0x1_3000_0008L, -PAGE, 0xF0_0000_0000L, 0x7ff_ffff_ffff_f000L, Long.MIN_VALUE, Long.MAX_VALUE})
    void aPageThatCanBeNoneIsRefusedWithTheRule(long hpa) {
        PamtManager manager = rig.withoutChunks().manager();
        rig.takePage = allocator -> hpa;
        rig.givePage = (allocator, given) -> {
            throw new AssertionError("0x" + Long.toHexString(given) + " is not the manager's");
        };
        String rule = (hpa & (PAGE - 1)) != 0 ? "is not a multiple of 0x1000" : "lies outside the memory map";
        String message = String.format("the host's allocator gave page 0x%x, which %s", hpa, rule);
        assertEquals(
                message,
                assertThrows(IllegalStateException.class, manager::allocPage).getMessage());
        assertEquals(
                message,
                assertThrows(IllegalStateException.class, () -> manager.get(REGION))
                        .getMessage());
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(0, manager.stats().pages().stranded());
        manager.close();
    }

    @Test
    void aPageThatIsGivenTwiceIsRefusedAndStaysItsFirstOwners() {
        PamtManager manager = rig.withoutChunks().manager();
        long page = manager.allocPage();
        rig.takePage = allocator -> page;
        String message = String.format(
                "the host's allocator gave page 0x%x, which was given before and has not come back", page);
        assertEquals(
                message,
                assertThrows(IllegalStateException.class, manager::allocPage).getMessage());
        assertEquals(
                message,
                assertThrows(IllegalStateException.class, () -> manager.get(REGION))
                        .getMessage());
        rig.takePage = PageAllocator::allocPage;
        manager.freePage(page);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aPageOfADonorChunkIsRefused() {
        PamtManager manager = rig.manager();
        long[] chunk = new long[1];
        rig.takeChunk = allocator -> {
            chunk[0] = allocator.allocChunk();
            return chunk[0];
        };
        manager.get(REGION);
        rig.takePage = allocator -> chunk[0] + 5 * PAGE;
        assertEquals(
                String.format(
                        "the host's allocator gave page 0x%x, which lies in a chunk that it has given before and not"
                                + " taken back",
                        chunk[0] + 5 * PAGE),
                assertThrows(IllegalStateException.class, manager::allocPage).getMessage());
        manager.put(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @ParameterizedTest
    @ValueSource(longs = {0x1_3000_1000L, 0xF0_0000_0000L, 0x7fff_ffff_ffe0_0000L, 0x7fe0_0000L, Long.MIN_VALUE})
    void aChunkThatCanBeNoneIsNotUsed(long hpa) {
        rig.takeChunk = allocator -> hpa;
        rig.giveChunk = (allocator, given) -> {
            throw new AssertionError("0x" + Long.toHexString(given) + " is not the manager's");
        };
        PamtManager manager = rig.manager();
        manager.get(REGION);
        assertEquals(0, manager.stats().pages().donorChunks());
        assertTrue(rig.isBackedInModule(REGION));
        manager.put(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aChunkThatIsGivenTwiceIsNotGivenBackWhileItIsInUse() {
        long[] chunk = {PageAllocator.NONE};
        rig.takeChunk = allocator -> {
            if (chunk[0] == PageAllocator.NONE) {
                chunk[0] = allocator.allocChunk();
            }
            return chunk[0];
        };
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(256);
        manager.get(REGION);
        assertEquals(1, manager.stats().pages().donorChunks());
        assertEquals(PAGES_OF_A_CHUNK + 2, rig.pagesOut(), "the pair comes from single pages");
        manager.put(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aChunkInWhichAPageIsOutIsNotUsed() {
        PamtManager manager = rig.withoutChunks().manager();
        long page = manager.allocPage();
        rig.takeChunk = allocator -> page & -PageAllocator.CHUNK_BYTES;
        manager.get(REGION);
        assertEquals(0, manager.stats().pages().donorChunks());
        manager.put(REGION);
        manager.freePage(page);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aModuleHasOneManagerAtATime() {
        TestHost host = new TestHost();
        PamtManager first = host.manager().build();
        assertEquals(
                "this module has a manager already; a host has one manager, close the other one first",
                assertThrows(IllegalStateException.class, () -> host.manager().build())
                        .getMessage());
        first.close();
        PamtManager second = host.manager().build();
        second.close();
        assertFalse(host.isBackedInModule(REGION));
        host.close();
    }

    @ParameterizedTest
    @EnumSource(
            value = TdxStatus.class,
            names = {"PAGE_NOT_FREE", "OPERAND_INVALID", "OPERAND_ADDR_RANGE_ERROR"})
    void aPairIsSetAsideIfTheModuleNamesOneOfItsPages(TdxStatus status) {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        long setAside = 0;
        for (TdxOperand page : List.of(TdxOperand.RDX, TdxOperand.R8)) {
            rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (module, rax, regs) -> status.with(page));
            manager.get(REGION);
            setAside++;
            assertEquals(setAside, manager.stats().pairs().setAside());
            manager.put(REGION);
        }
        manager.map2M(REGION);
        for (TdxOperand page : List.of(TdxOperand.R12, TdxOperand.R13)) {
            cache.topUp(1);
            assertEquals(status.with(page), manager.demote2M(REGION, cache, regs -> status.with(page)));
            setAside++;
            assertEquals(setAside, manager.stats().pairs().setAside());
            assertEquals(0, cache.pairs());
        }
        manager.unmap2M(REGION);
        manager.close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aPairStaysInCirculationIfTheModuleNamesAnotherOperandOrAnotherReason() {
        PamtManager manager = rig.manager();
        for (long status : new long[] {
            TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RCX),
            TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX),
            TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX),
            TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX),
            TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8)
        }) {
            rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 2, (module, rax, regs) -> status);
            SeamcallFailedException refused = assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
            assertEquals(status, refused.status());
            assertEquals(0, manager.stats().pairs().setAside());
            assertEquals(256, manager.stats().pairs().spare());
        }
        manager.close();
    }
}
