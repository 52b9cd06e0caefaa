package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a builder accepts, and what it refuses with the rule. */
class ManagerBuilderTest {
    private final Rig rig = new Rig();
    private final SeamcallPlatform platform = SeamcallProviderFactory.named("emulator")
            .open(PlatformConfig.builder().cmrs(TestHost.MAP.cmrs()).build());

    @AfterEach
    void close() {
        platform.close();
        rig.close();
    }

    private List<UnaryOperator<PamtManager.Builder>> modules() {
        return List.of(
                builder -> builder.host(rig.host),
                builder -> builder.platform(platform),
                builder -> builder.backend("emulator"),
                builder -> builder.seamcalls((rax, regs) -> 0, PhysicalMemory.none()));
    }

    @Test
    void aManagerWorksOnOneModule() {
        for (UnaryOperator<PamtManager.Builder> first : modules()) {
            for (UnaryOperator<PamtManager.Builder> second : modules()) {
                PamtManager.Builder builder = first.apply(PamtManager.builder());
                IllegalStateException refused = assertThrows(IllegalStateException.class, () -> second.apply(builder));
                assertTrue(refused.getMessage().contains("one module"), refused.getMessage());
            }
        }
    }

    @Test
    void nothingIsSetTwice() {
        List<UnaryOperator<PamtManager.Builder>> settings = List.of(
                builder -> builder.memory(TestHost.MAP),
                builder -> builder.allocator(rig),
                builder -> builder.lockStrategy(LockStrategy.global()),
                builder -> builder.reclaimPolicy(ReclaimPolicy.eager()),
                builder -> builder.processors(() -> 0),
                builder -> builder.dynamicPamt(false),
                PamtManager.Builder::timeTransitions);
        for (UnaryOperator<PamtManager.Builder> setting : settings) {
            PamtManager.Builder builder = setting.apply(PamtManager.builder());
            IllegalStateException refused = assertThrows(IllegalStateException.class, () -> setting.apply(builder));
            assertTrue(refused.getMessage().contains("was set before"), refused.getMessage());
        }
    }

    @Test
    void aModuleIsBroughtUpWithOrWithoutDynamicPamt() {
        for (boolean wanted : new boolean[] {true, false}) {
            try (PamtManager manager = PamtManager.builder()
                    .memory(TestHost.MAP)
                    .dynamicPamt(wanted)
                    .build()) {
                assertEquals(wanted, manager.host().dynamicPamt());
                manager.get(TestHost.REGION);
                assertEquals(wanted ? 1 : 0, manager.stats().pairs().installed());
                manager.put(TestHost.REGION);
            }
        }
        try (PamtManager manager = PamtManager.builder()
                .platform(platform)
                .memory(TestHost.MAP)
                .dynamicPamt(false)
                .build()) {
            assertFalse(manager.host().dynamicPamt());
        }
    }

    @Test
    void aModuleThatIsUpIsNotBroughtUp() {
        for (UnaryOperator<PamtManager.Builder> module :
                List.of(modules().get(0), modules().get(3))) {
            PamtManager.Builder withModule = module.apply(PamtManager.builder());
            assertThrows(IllegalStateException.class, () -> withModule.dynamicPamt(false));
            PamtManager.Builder withWish = PamtManager.builder().dynamicPamt(true);
            IllegalStateException refused = assertThrows(IllegalStateException.class, () -> module.apply(withWish));
            assertTrue(refused.getMessage().contains("is up already"), refused.getMessage());
        }
    }

    @Test
    void aHostHasItsMemoryMap() {
        PamtManager.Builder withHost = PamtManager.builder().host(rig.host);
        assertThrows(IllegalStateException.class, () -> withHost.memory(TestHost.MAP));
        PamtManager.Builder withMap = PamtManager.builder().memory(TestHost.MAP);
        assertThrows(IllegalStateException.class, () -> withMap.host(rig.host));
    }

    @Test
    void aProviderNeedsAMemoryMap() {
        PamtManager.Builder builder = PamtManager.builder().seamcalls((rax, regs) -> 0, PhysicalMemory.none());
        IllegalStateException refused = assertThrows(IllegalStateException.class, builder::build);
        assertTrue(refused.getMessage().contains("memory(...)"), refused.getMessage());
    }

    @Test
    void aBackendIsFoundByName() {
        try (PamtManager manager = PamtManager.builder().backend("emulator").build()) {
            assertEquals(MemoryMap.synthetic(), manager.host().memory());
        }
        assertThrows(IllegalArgumentException.class, () -> PamtManager.builder().backend("no such backend"));
    }

    @Test
    void withoutAModuleTheEmulatorIsOpened() {
        TdxHost host;
        try (PamtManager manager = PamtManager.builder().memory(TestHost.MAP).build()) {
            host = manager.host();
            assertEquals(TestHost.MAP, host.memory());
        }
        assertThrows(
                SeamcallUnavailableException.class,
                () -> new Seamcalls(host.platform().processor(0)).pageRdmd(new SeamcallRegisters(), TestHost.REGION));
    }

    @Test
    void aMachineThatTheBuilderHasOpenedAndCannotBringUpIsClosed() {
        PamtManager.Builder builder = PamtManager.builder().backend("broken").memory(TestHost.MAP);
        SeamcallFailedException refused = assertThrows(SeamcallFailedException.class, builder::build);
        assertEquals(SeamcallLeaf.SYS_CONFIG, refused.leaf());
        Seamcalls module = new Seamcalls(BrokenBackend.opened.processor(0));
        assertThrows(
                SeamcallUnavailableException.class,
                () -> module.pageRdmd(new SeamcallRegisters(), TestHost.REGION),
                "a closed machine answers no call");
    }

    @Test
    void aMachineThatCannotBeBroughtUpIsTheCallers() {
        MemoryMap elsewhere = MemoryMap.of(List.of(PhysicalRange.between(0x2_0000_0000L, 0x2_4000_0000L)));
        PamtManager.Builder builder = PamtManager.builder().platform(platform).memory(elsewhere);
        assertThrows(RuntimeException.class, builder::build);
        assertEquals(1, platform.processors());
    }

    @Test
    void aHostThatTheCallerHasOpenedStaysOpen() {
        PamtManager.builder().host(rig.host).build().close();
        PamtManager.builder().host(rig.host).build().close();
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void anAttachedModuleHasOneProcessorAndTheBuildersMemory() {
        try (PamtManager manager = rig.builder().build()) {
            TdxHost host = manager.host();
            assertEquals(1, host.platform().processors());
            assertEquals(1, host.platform().packages());
            assertEquals(0, host.platform().packageOf(0));
            assertThrows(IndexOutOfBoundsException.class, () -> host.platform().packageOf(1));
            assertThrows(IndexOutOfBoundsException.class, () -> host.platform().processor(1));
            assertEquals(TestHost.MAP, host.memory());
            assertEquals(16, host.pamt4KEntryBytes());
            assertTrue(host.tdmrs().isEmpty());
        }
    }

    @Test
    void anAttachedModuleHasAnAllocatorOfItsOwn() {
        try (PamtManager manager = PamtManager.builder()
                .seamcalls(rig.host.platform().processor(0), rig)
                .memory(TestHost.MAP)
                .build()) {
            long free = manager.host().freePages();
            long page = manager.allocPage();
            assertTrue(free > manager.host().freePages());
            manager.freePage(page);
            assertEquals(page, manager.host().allocator().allocPage() & page);
        }
    }

    @Test
    void aManagerThatCannotBeMadeLeavesTheCallersHostOpenAndWithoutAManager() {
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
        PamtManager.Builder builder = PamtManager.builder().host(rig.host).lockStrategy(broken);
        assertThrows(UnsupportedOperationException.class, builder::build);
        assertFalse(rig.isBackedInModule(TestHost.REGION), "the module answers");
        PamtManager.builder().host(rig.host).build().close();
    }

    @Test
    void aModuleThatHasAManagerKeepsItWhenASecondOneIsRefused() {
        try (PamtManager first = PamtManager.builder().host(rig.host).build()) {
            for (int attempt = 0; attempt < 2; attempt++) {
                PamtManager.Builder second = PamtManager.builder().host(rig.host);
                assertThrows(IllegalStateException.class, second::build);
            }
            first.get(TestHost.REGION);
            first.put(TestHost.REGION);
        }
    }

    @Test
    void aPolicyMayKeepAsManyRegionsIdleAsThereAreAtMost() {
        ReclaimPolicy most = ReclaimPolicy.keepIdle(ReclaimPolicy.MAX_IDLE_REGIONS);
        assertEquals(ReclaimPolicy.MAX_IDLE_REGIONS, most.idleRegions());
        PamtManager.Builder builder = PamtManager.builder();
        assertSame(builder, builder.reclaimPolicy(most));
    }

    @Test
    void aHostThatIsBroughtUpByItselfTakesAManager() {
        TdxHost host = TdxHost.bringUp(platform, TestHost.MAP, false);
        assertFalse(host.dynamicPamt());
        try (PamtManager manager = PamtManager.builder().host(host).build()) {
            assertSame(host, manager.host());
        }
    }
}
