package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MisalignedAddressException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RangeCrossesRegionException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.TdxHost;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A module without Dynamic PAMT works, too: nothing has to be installed, and everything else is as with it. */
class StaticPamtManagerTest {
    private final TdxHost host = TestHost.direct(PlatformConfig.builder().option("dynamic-pamt", "false"));
    private final long freeAtFirst = host.freePages();
    private final PamtManager manager = PamtManager.builder().host(host).build();

    @AfterEach
    void everythingIsBack() {
        manager.close();
        assertEquals(freeAtFirst, host.freePages());
        host.close();
    }

    @Test
    void isChosenByWhatTheModuleCan() {
        assertFalse(host.dynamicPamt());
        assertInstanceOf(StaticPamtManager.class, manager);
    }

    @Test
    void getAndPutDoNothing() {
        manager.get(TestHost.REGION);
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(PamtPageCache.FAULT_PAIRS);
        manager.get(TestHost.REGION, 512, cache);
        manager.put(TestHost.REGION, 512);
        manager.put(TestHost.REGION);
        assertEquals(0, manager.stats().calls().adds());
    }

    @Test
    void aPageOfAllocPageCanBecomeATdWithoutAPair() {
        long page = manager.allocPage();
        long status = new Seamcalls(host.platform().processor(0))
                .mngCreate(new SeamcallRegisters(), page, host.platform().firstPrivateHkid() + 1);
        assertEquals(TdxStatus.toString(0), TdxStatus.toString(status));
        manager.freePage(page);
        assertThrows(DoubleFreeException.class, () -> manager.freePage(page));
    }

    @Test
    void addressesAreCheckedAllTheSame() {
        assertThrows(AddressOutsideMemoryException.class, () -> manager.get(0xC000_0000L));
        assertThrows(AddressOutsideMemoryException.class, () -> manager.get(TestHost.LAST_PAGE + 0x1000));
    }

    @Test
    void closeReportsPagesThatAreStillAllocated() {
        long page = manager.allocPage();
        RegionsInUseException thrown = assertThrows(RegionsInUseException.class, manager::close);
        assertEquals(1, thrown.leftovers().size());
        manager.freePage(page);
        manager.close();
        assertThrows(ManagerClosedException.class, () -> manager.get(TestHost.REGION));
    }

    @Test
    void aPageThatComesWhileTheManagerIsClosedGoesBack() {
        manager.close();
        AtomicReference<PamtManager> inTheWay = new AtomicReference<>();
        PageAllocator pages = host.allocator();
        PamtManager other = PamtManager.builder()
                .host(host)
                .allocator(new PageAllocator() {
                    @Override
                    public long allocPage() {
                        inTheWay.get().close();
                        return pages.allocPage();
                    }

                    @Override
                    public void freePage(long hpa) {
                        pages.freePage(hpa);
                    }
                })
                .build();
        inTheWay.set(other);
        assertThrows(ManagerClosedException.class, other::allocPage);
        assertEquals(freeAtFirst, host.freePages());
    }

    @Test
    void aFreeThatIsUnderWayIsWaitedFor() throws Exception {
        manager.close();
        PageAllocator pages = host.allocator();
        Point giving = new Point();
        PamtManager other = PamtManager.builder()
                .host(host)
                .allocator(new PageAllocator() {
                    @Override
                    public long allocPage() {
                        return pages.allocPage();
                    }

                    @Override
                    public void freePage(long hpa) {
                        giving.pass();
                        pages.freePage(hpa);
                    }
                })
                .build();
        long page = other.allocPage();
        CompletableFuture<Void> free = CompletableFuture.runAsync(() -> other.freePage(page));
        giving.awaitReached();
        CompletableFuture<Long> close = CompletableFuture.supplyAsync(() -> {
            other.close();
            return host.freePages();
        });
        assertThrows(TimeoutException.class, () -> close.get(50, TimeUnit.MILLISECONDS));
        giving.open();
        assertEquals(freeAtFirst, close.get(20, TimeUnit.SECONDS));
        free.get(20, TimeUnit.SECONDS);
    }

    /** Every call that names an address, of a manager. */
    private static List<LongConsumer> callsWithAnAddress(PamtManager manager) {
        PamtPageCache cache = manager.newVcpuCache();
        return List.of(
                manager::get,
                hpa -> manager.get(hpa, cache),
                hpa -> manager.get(hpa, 1),
                hpa -> manager.get(hpa, 1, cache),
                manager::put,
                hpa -> manager.put(hpa, 1),
                manager::map2M,
                manager::unmap2M,
                hpa -> manager.demote2M(hpa, cache, regs -> 0),
                hpa -> manager.promote2M(hpa, regs -> 0));
    }

    @Test
    void everyCallChecksItsAddress() {
        for (LongConsumer call : callsWithAnAddress(manager)) {
            assertThrows(AddressOutsideMemoryException.class, () -> call.accept(0xC000_0000L));
            assertThrows(MisalignedAddressException.class, () -> call.accept(TestHost.REGION + 1));
            call.accept(TestHost.REGION);
        }
        assertThrows(MisalignedAddressException.class, () -> manager.map2M(TestHost.REGION + 0x1000));
        assertThrows(MisalignedAddressException.class, () -> manager.unmap2M(TestHost.REGION + 0x1000));
        PamtPageCache cache = manager.newVcpuCache();
        assertThrows(
                MisalignedAddressException.class, () -> manager.demote2M(TestHost.REGION + 0x1000, cache, regs -> 0));
        assertThrows(MisalignedAddressException.class, () -> manager.promote2M(TestHost.REGION + 0x1000, regs -> 0));
        assertThrows(MisalignedAddressException.class, () -> manager.freePage(TestHost.REGION + 1));
        assertThrows(RangeCrossesRegionException.class, () -> manager.get(TestHost.REGION, 513));
        assertThrows(AddressOutsideMemoryException.class, () -> manager.map2M(TestHost.LAST_PAGE & -0x20_0000L));
    }

    @Test
    void everyCallOfAClosedManagerIsRefused() {
        List<LongConsumer> calls = callsWithAnAddress(manager);
        manager.close();
        for (LongConsumer call : calls) {
            assertThrows(ManagerClosedException.class, () -> call.accept(TestHost.REGION));
        }
        assertThrows(ManagerClosedException.class, manager::allocPage);
        assertThrows(ManagerClosedException.class, () -> manager.freePage(TestHost.REGION));
        assertThrows(ManagerClosedException.class, manager::trim);
        assertThrows(ManagerClosedException.class, manager::reclaimIdle);
        assertThrows(ManagerClosedException.class, manager::newVcpuCache);
        assertThrows(ManagerClosedException.class, manager::newVmCache);
    }

    @Test
    void theAllocatorIsNotAskedForAClosedManager() {
        manager.close();
        int[] asked = new int[1];
        PamtManager other = PamtManager.builder()
                .host(host)
                .allocator(new PageAllocator() {
                    @Override
                    public long allocPage() {
                        asked[0]++;
                        return NONE;
                    }

                    @Override
                    public void freePage(long hpa) {}
                })
                .build();
        other.close();
        assertThrows(ManagerClosedException.class, other::allocPage);
        assertEquals(0, asked[0]);
    }

    @Test
    void splitsAndMergesAreTheCallersAlone() {
        long[] pages = {1, 1};
        assertEquals(41, manager.demote2M(TestHost.REGION, manager.newVcpuCache(), regs -> {
            pages[0] = regs.r12;
            pages[1] = regs.r13;
            return 41;
        }));
        assertEquals(0, pages[0]);
        assertEquals(0, pages[1]);
        assertEquals(42, manager.promote2M(TestHost.REGION, regs -> 42 + regs.r12));
        assertThrows(NullPointerException.class, () -> manager.promote2M(TestHost.REGION, null));
        assertThrows(NullPointerException.class, () -> manager.demote2M(TestHost.REGION, manager.newVcpuCache(), null));
        assertThrows(NullPointerException.class, () -> manager.demote2M(TestHost.REGION, null, regs -> 0));
    }

    @Test
    void aPageIsScrubbedBeforeItGoesBack() {
        long page = manager.allocPage();
        host.platform().memory().write64(page, 7);
        manager.freePage(page);
        assertEquals(0, host.platform().memory().read64(page));
    }

    @Test
    void regionsAreStaticOrOutsideAndCachesAreEmpty() {
        assertEquals(RegionState.Kind.STATIC, manager.state(TestHost.REGION).kind());
        assertEquals(RegionState.Kind.OUTSIDE, manager.state(0xC000_0000L).kind());
        VmPageCache vm = manager.newVmCache();
        vm.topUp(3);
        assertEquals(0, vm.unreserved());
        try (PamtPageCache reservation = vm.reserve(3)) {
            assertEquals(0, reservation.pairs());
        }
        assertEquals(0, manager.trim());
        assertEquals(0, manager.reclaimIdle());
        assertSame(host, manager.host());
    }

    @Test
    void aMachineThatTheBuilderHasOpenedIsClosedWithTheManager() {
        SeamcallPlatform platform = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder()
                        .cmrs(TestHost.MAP.cmrs())
                        .option("dynamic-pamt", "false")
                        .build());
        PamtManager owner =
                PamtManager.builder().platform(platform).memory(TestHost.MAP).build();
        assertInstanceOf(StaticPamtManager.class, owner);
        long page = owner.allocPage();
        assertThrows(RegionsInUseException.class, owner::close);
        owner.freePage(page);
        owner.close();
        assertThrows(SeamcallUnavailableException.class, () -> new Seamcalls(platform.processor(0))
                .pageRdmd(new SeamcallRegisters(), TestHost.REGION));
        owner.close();
    }

    @Test
    void aManagerThatIsClosedLeavesTheModuleToTheNext() {
        manager.close();
        PamtManager next = PamtManager.builder().host(host).build();
        assertThrows(
                IllegalStateException.class,
                () -> PamtManager.builder().host(host).build());
        next.close();
    }
}
