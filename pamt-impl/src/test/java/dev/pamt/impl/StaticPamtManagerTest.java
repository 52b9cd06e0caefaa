package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
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
        assertEquals(0, manager.stats().adds());
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
}
