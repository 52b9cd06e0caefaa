package dev.pamt.impl;

import static dev.pamt.impl.TestHost.LAST_PAGE;
import static dev.pamt.impl.TestHost.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MisalignedAddressException;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RangeCrossesRegionException;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.api.VmPageCache;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.LongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What users get wrong: each has its own exception, says the address and the rule, and changes nothing. */
class MisuseTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final long NOWHERE = 0xF0_0000_0000L;

    private final TestHost host = new TestHost();
    private final long freeAtFirst = host.freePages();
    private final PamtManager manager = host.manager().build();

    @AfterEach
    void nothingIsLost() {
        manager.close();
        assertEquals(freeAtFirst, host.freePages());
        host.close();
    }

    /** The call is refused with that exception and message, and neither the region nor anything counted has changed. */
    private <E extends PamtException> E refused(Class<E> type, String message, long hpa, Executable call) {
        RegionState state = manager.state(hpa);
        long free = host.freePages();
        PamtStats stats = manager.stats();
        E thrown = assertThrows(type, call);
        assertEquals(message, thrown.getMessage());
        assertEquals(state, manager.state(hpa));
        assertEquals(
                free + 2 * (stats.pairs().spare() + stats.pairs().cached()),
                host.freePages()
                        + 2
                                * (manager.stats().pairs().spare()
                                        + manager.stats().pairs().cached()));
        assertEquals(stats.pairs().installed(), manager.stats().pairs().installed());
        assertEquals(stats.pages().allocated(), manager.stats().pages().allocated());
        return thrown;
    }

    @Test
    void anAddressOutsideTheMemoryMap() {
        String rule = "address 0xf000000000 lies outside the memory map; only RAM of the host has page metadata";
        refused(AddressOutsideMemoryException.class, rule, NOWHERE, () -> manager.get(NOWHERE));
        refused(AddressOutsideMemoryException.class, rule, NOWHERE, () -> manager.put(NOWHERE));
        refused(AddressOutsideMemoryException.class, rule, NOWHERE, () -> manager.get(NOWHERE, 512));
        refused(AddressOutsideMemoryException.class, rule, NOWHERE, () -> manager.map2M(NOWHERE));
        refused(
                AddressOutsideMemoryException.class,
                "address 0xfffffffffffff000 lies outside the memory map; only RAM of the host has page metadata",
                -PAGE,
                () -> manager.get(-PAGE));
    }

    @Test
    void anAddressInAHoleOfAGigabyteThatIsInUse() {
        long hole = 0xC000_0000L;
        refused(
                AddressOutsideMemoryException.class,
                "address 0xc0000000 lies outside the memory map; only RAM of the host has page metadata",
                hole,
                () -> manager.get(hole));
        long inSameGigabyte = 0x7FFE_0000L;
        manager.get(LAST_PAGE);
        refused(
                AddressOutsideMemoryException.class,
                "address 0x7ffe0000 lies outside the memory map; only RAM of the host has page metadata",
                inSameGigabyte,
                () -> manager.get(inSameGigabyte));
        manager.put(LAST_PAGE);
    }

    @Test
    void aPageOutsideOfARegionOfWhichAPartIsRam() {
        long beyond = LAST_PAGE + PAGE;
        String rule = "address 0x7ff50000 lies outside the memory map; only RAM of the host has page metadata";
        refused(AddressOutsideMemoryException.class, rule, beyond, () -> manager.get(beyond));
        refused(AddressOutsideMemoryException.class, rule, beyond, () -> manager.put(beyond));
        manager.get(LAST_PAGE);
        refused(AddressOutsideMemoryException.class, rule, beyond, () -> manager.get(beyond));
        refused(AddressOutsideMemoryException.class, rule, beyond, () -> manager.put(beyond));
        refused(
                AddressOutsideMemoryException.class,
                "address 0x7ff4f000 lies outside the memory map; only RAM of the host has page metadata",
                LAST_PAGE,
                () -> manager.get(LAST_PAGE, 2));
        manager.put(LAST_PAGE);
    }

    @Test
    void aRegionOfWhichAPartIsRamHasUpTo512UsersAsAnyOther() {
        long edge = LAST_PAGE & -PageAllocator.CHUNK_BYTES;
        manager.get(edge, 256);
        manager.get(edge, 256);
        assertEquals(512, manager.state(edge).users());
        refused(
                TooManyUsersException.class,
                assertThrows(TooManyUsersException.class, () -> manager.get(LAST_PAGE))
                        .getMessage(),
                LAST_PAGE,
                () -> manager.get(LAST_PAGE));
        manager.put(LAST_PAGE);
        manager.put(edge, 255);
        manager.put(edge, 256);
        assertEquals(RegionState.Kind.EMPTY, manager.state(edge).kind());
    }

    @Test
    void aRangeWhoseEndLiesOutsideIsRefusedThoughItsFirstPageIsRam() {
        String rule = "address 0x7ff4f000 lies outside the memory map; only RAM of the host has page metadata";
        manager.get(LAST_PAGE - PAGE, 2);
        refused(AddressOutsideMemoryException.class, rule, LAST_PAGE, () -> manager.put(LAST_PAGE, 2));
        refused(AddressOutsideMemoryException.class, rule, LAST_PAGE, () -> manager.get(LAST_PAGE, 2));
        manager.put(LAST_PAGE - PAGE, 2);
        refused(AddressOutsideMemoryException.class, rule, LAST_PAGE, () -> manager.get(LAST_PAGE, 2));
    }

    @Test
    void aRegionThatIsRamOnlyInPartCannotBeMappedAsOne2MPage() {
        long edge = LAST_PAGE & -PageAllocator.CHUNK_BYTES;
        refused(
                AddressOutsideMemoryException.class,
                "address 0x7fe00000 lies outside the memory map; only RAM of the host has page metadata",
                edge,
                () -> manager.map2M(edge));
    }

    @Test
    void aMisalignedAddressIsRefusedByEveryCall() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        List<LongFunction<Executable>> ofPages = List.of(
                hpa -> () -> manager.get(hpa),
                hpa -> () -> manager.get(hpa, cache),
                hpa -> () -> manager.get(hpa, 2),
                hpa -> () -> manager.get(hpa, 2, cache),
                hpa -> () -> manager.put(hpa),
                hpa -> () -> manager.put(hpa, 2),
                hpa -> () -> manager.freePage(hpa));
        for (LongFunction<Executable> call : ofPages) {
            for (long offset : new long[] {0x10, 0x800, 0x1001, -1}) {
                String rule =
                        String.format("address 0x%x is not a multiple of 0x1000 (a 4K page)", REGION + PAGE + offset);
                refused(MisalignedAddressException.class, rule, REGION, call.apply(REGION + PAGE + offset));
            }
        }
        List<LongFunction<Executable>> ofRegions = List.of(
                hpa -> () -> manager.map2M(hpa),
                hpa -> () -> manager.unmap2M(hpa),
                hpa -> () -> manager.demote2M(hpa, cache, regs -> 0),
                hpa -> () -> manager.promote2M(hpa, regs -> 0));
        for (LongFunction<Executable> call : ofRegions) {
            for (long offset : new long[] {0x1000, 0x10_0000, 8}) {
                String rule =
                        String.format("address 0x%x is not a multiple of 0x200000 (a 2M region)", REGION + offset);
                refused(MisalignedAddressException.class, rule, REGION, call.apply(REGION + offset));
            }
        }
    }

    @Test
    void aRangeThatLeavesItsRegionIsRefusedByEveryCall() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        String rule =
                " are not a range within one 2M region: a range has 1 to 512 pages and does not cross a multiple of"
                        + " 2 MiB";
        manager.get(REGION, 512);
        List<IntFunction<Executable>> calls = List.of(
                pages -> () -> manager.get(REGION + PAGE, pages),
                pages -> () -> manager.get(REGION + PAGE, pages, cache),
                pages -> () -> manager.put(REGION + PAGE, pages));
        for (IntFunction<Executable> call : calls) {
            for (int pages : new int[] {512, 513, 0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
                refused(
                        RangeCrossesRegionException.class,
                        pages + " pages from 0x130001000" + rule,
                        REGION,
                        call.apply(pages));
            }
        }
        manager.put(REGION + PAGE, 511);
        manager.put(REGION + 511 * PAGE);
        manager.get(REGION + 511 * PAGE, 1);
        manager.put(REGION);
    }

    @Test
    void aPutWithoutUsers() {
        refused(
                NoUsersException.class,
                "put of 1 at 0x130000000 without a matching get: the region is EMPTY; a put drops only what a get has"
                        + " taken",
                REGION,
                () -> manager.put(REGION));
        manager.get(REGION, 3);
        refused(
                NoUsersException.class,
                "put of 4 at 0x130000000 without a matching get: the region is BACKED(3); a put drops only what a get has"
                        + " taken",
                REGION,
                () -> manager.put(REGION, 4));
        manager.put(REGION, 3);
        refused(
                NoUsersException.class,
                "put of 1 at 0x130000000 without a matching get: the region is EMPTY; a put drops only what a get has"
                        + " taken",
                REGION,
                () -> manager.put(REGION));
    }

    @Test
    void aPutOfAnIdleRegion() {
        try (PamtManager keeping = new TestHost()
                .manager()
                .reclaimPolicy(ReclaimPolicy.keepIdle(4))
                .build()) {
            keeping.get(REGION);
            keeping.put(REGION);
            NoUsersException thrown = assertThrows(NoUsersException.class, () -> keeping.put(REGION));
            assertEquals(
                    "put of 1 at 0x130000000 without a matching get: the region is IDLE; a put drops only what a get has"
                            + " taken",
                    thrown.getMessage());
            assertEquals(RegionState.Kind.IDLE, keeping.state(REGION).kind());
        }
    }

    @Test
    void moreThan512Users() {
        manager.get(REGION, 512);
        refused(
                TooManyUsersException.class,
                "get of 1 at 0x130000000 would give the region more than 512 users; a 2M region has 512 pages",
                REGION,
                () -> manager.get(REGION));
        manager.put(REGION, 512);
        manager.get(REGION);
        refused(
                TooManyUsersException.class,
                "get of 512 at 0x130000000 would give the region more than 512 users; a 2M region has 512 pages",
                REGION,
                () -> manager.get(REGION, 512));
        manager.put(REGION);
    }

    @Test
    void aGetOfARegionThatIsMappedAsOne2MPage() {
        manager.map2M(REGION);
        String rule =
                "the region of 0x130000000 is mapped as one 2M page and must have no page pair; demote or unmap it"
                        + " first";
        refused(RegionMapped2MException.class, rule, REGION, () -> manager.get(REGION));
        refused(RegionMapped2MException.class, rule, REGION, () -> manager.map2M(REGION));
        refused(
                NoUsersException.class,
                "put of 1 at 0x130000000 without a matching get: the region is HUGE; a put drops only what a get has"
                        + " taken",
                REGION,
                () -> manager.put(REGION));
        manager.unmap2M(REGION);
    }

    @Test
    void a2MMappingOfARegionWith4KUsers() {
        manager.get(REGION);
        refused(
                RegionInUseException.class,
                "the region of 0x130000000 is BACKED(1); it can be mapped as one 2M page only without 4K users",
                REGION,
                () -> manager.map2M(REGION));
        refused(
                RegionInUseException.class,
                "the region of 0x130000000 is BACKED(1); it can be merged into one 2M page only with exactly 512 users",
                REGION,
                () -> manager.promote2M(REGION, regs -> 0));
        manager.put(REGION);
        refused(
                RegionNotMapped2MException.class,
                "the region of 0x130000000 is not mapped as one 2M page but EMPTY",
                REGION,
                () -> manager.unmap2M(REGION));
    }

    @Test
    void aPageFreedTwice() {
        long page = manager.allocPage();
        manager.get(page);
        manager.freePage(page);
        String rule =
                String.format("page 0x%x is not allocated: it was freed before, or did not come from allocPage", page);
        refused(DoubleFreeException.class, rule, page, () -> manager.freePage(page));
        manager.put(page);
        refused(DoubleFreeException.class, rule, page, () -> manager.freePage(page));
    }

    @Test
    void aPageWhoseReferenceIsGoneIsNotFreedBeforeItHasOneAgain() {
        long page = manager.allocPage();
        manager.put(page);
        refused(
                NoUsersException.class,
                assertThrows(NoUsersException.class, () -> manager.freePage(page))
                        .getMessage(),
                page,
                () -> manager.freePage(page));
        assertEquals(1, manager.stats().pages().allocated());
        manager.get(page);
        manager.freePage(page);
        assertEquals(0, manager.stats().pages().allocated());
    }

    @Test
    void aPageOfADonorChunk() {
        manager.get(REGION);
        long found = donorRegion();
        refused(
                DonorRegionException.class,
                String.format(
                        "0x%x lies in a 2M chunk that the library cuts page pairs from; only pages that the host's"
                                + " allocator has given to the caller can be used",
                        found),
                found,
                () -> manager.get(found));
        refused(
                DonorRegionException.class,
                String.format(
                        "0x%x lies in a 2M chunk that the library cuts page pairs from; only pages that the host's"
                                + " allocator has given to the caller can be used",
                        found),
                found,
                () -> manager.put(found));
        manager.put(REGION);
    }

    private long donorRegion() {
        for (long hpa = 0; hpa < TestHost.MAP.ram().get(1).endHpa(); hpa += PageAllocator.CHUNK_BYTES) {
            if (manager.state(hpa).kind() == RegionState.Kind.DONOR) {
                return hpa;
            }
        }
        throw new AssertionError("no donor region");
    }

    @Test
    void aCacheThatIsShort() {
        PamtPageCache cache = manager.newVcpuCache();
        refused(
                CacheExhaustedException.class,
                "the cache has no page pair left for the region of 0x130000000; top it up with the worst case before the"
                        + " lock (a fault needs at most 5 pairs, a split 2)",
                REGION,
                () -> manager.get(REGION, cache));
        manager.map2M(REGION);
        refused(
                CacheExhaustedException.class,
                "the cache has no page pair left for the region of 0x130000000; top it up with the worst case before the"
                        + " lock (a fault needs at most 5 pairs, a split 2)",
                REGION,
                () -> manager.demote2M(REGION, cache, regs -> 0));
        manager.unmap2M(REGION);
    }

    @Test
    void aCacheOfAnotherManager() {
        try (PamtManager other = new TestHost().manager().build()) {
            PamtPageCache cache = other.newVcpuCache();
            IllegalArgumentException thrown =
                    assertThrows(IllegalArgumentException.class, () -> manager.get(REGION, cache));
            assertEquals("the cache belongs to another manager", thrown.getMessage());
        }
    }

    @Test
    void useAfterClose() {
        PamtPageCache cache = manager.newVcpuCache();
        VmPageCache vm = manager.newVmCache();
        long page = manager.allocPage();
        manager.freePage(page);
        manager.close();
        List<Executable> uses = List.of(
                () -> manager.get(REGION),
                () -> manager.get(REGION, 4),
                () -> manager.get(REGION, cache),
                () -> manager.put(REGION),
                () -> manager.put(page),
                manager::allocPage,
                () -> manager.freePage(page),
                () -> manager.map2M(REGION),
                () -> manager.unmap2M(REGION),
                () -> manager.promote2M(REGION, regs -> 0),
                () -> manager.demote2M(REGION, cache, regs -> 0),
                manager::trim,
                manager::newVcpuCache,
                manager::newVmCache);
        for (Executable use : uses) {
            ManagerClosedException thrown = assertThrows(ManagerClosedException.class, use);
            assertEquals("the manager is closed", thrown.getMessage());
        }
        for (Executable use : List.<Executable>of(() -> cache.topUp(1), () -> vm.topUp(1), () -> vm.reserve(1))) {
            assertEquals(
                    "the cache is closed",
                    assertThrows(ManagerClosedException.class, use).getMessage());
        }
        manager.close();
    }

    @Test
    void closeWithUsersLeft() {
        manager.get(REGION, 7);
        manager.map2M(REGION + PageAllocator.CHUNK_BYTES);
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);

        RegionsInUseException thrown = assertThrows(RegionsInUseException.class, manager::close);

        assertEquals(
                "the manager stays open: 2 region(s) still in use or not given back by the module: 0x130000000 BACKED(7),"
                        + " 0x130200000 HUGE",
                thrown.getMessage());
        assertEquals(2, thrown.leftovers().size());
        assertEquals(2, cache.pairs());
        manager.get(REGION + 2 * PageAllocator.CHUNK_BYTES, cache);
        manager.put(REGION + 2 * PageAllocator.CHUNK_BYTES);
        manager.put(REGION, 7);
        manager.unmap2M(REGION + PageAllocator.CHUNK_BYTES);
    }
}
