package dev.pamt.lab.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;

/** An emulated host of 2 GiB for a test; when it is closed every pair and every page must have come back. */
final class Fixture implements AutoCloseable {
    static final long BLOCK = GuestMemory.BLOCK_BYTES;
    static final long PAGE = GuestMemory.PAGE_BYTES;

    final LeafCounts leaves = new LeafCounts();
    final TdxHost host;
    final PamtManager manager;
    final LabHost lab;
    private final long freeBefore;
    /** What is not to come back, on purpose. */
    long pagesLost;

    Fixture() {
        this(PamtPolicies.ON_DEMAND);
    }

    Fixture(String policy) {
        this(
                (provider, processor) -> provider,
                host -> host,
                (name, manager) -> PamtPolicies.newPolicy(policy, manager));
    }

    Fixture(SeamcallDecorator decorator) {
        this(decorator, host -> host, (name, manager) -> PamtPolicies.newPolicy(PamtPolicies.ON_DEMAND, manager));
    }

    /** A host of another size. */
    static Fixture ofGigabytes(int gigabytes) {
        return new Fixture(
                gigabytes,
                (provider, processor) -> provider,
                host -> host,
                (name, manager) -> PamtPolicies.newPolicy(PamtPolicies.ON_DEMAND, manager));
    }

    Fixture(
            SeamcallDecorator decorator,
            UnaryOperator<TdxHost> wrapped,
            BiFunction<String, PamtManager, PamtPolicy> policy) {
        this(2, decorator, wrapped, policy);
    }

    private Fixture(
            int gigabytes,
            SeamcallDecorator decorator,
            UnaryOperator<TdxHost> wrapped,
            BiFunction<String, PamtManager, PamtPolicy> policy) {
        MemoryMap map = MemoryMap.of(List.of(PhysicalRange.between(1L << 30, (1L + gigabytes) << 30)));
        PlatformConfig config =
                PlatformConfig.builder().cmrs(map.cmrs()).processors(16).build();
        SeamcallPlatform platform = leaves.inside(decorator)
                .decorate(SeamcallProviderFactory.named("emulator").open(config));
        host = wrapped.apply(TdxHost.bringUp(platform, map));
        freeBefore = host.freePages();
        manager = PamtManager.builder()
                .host(host)
                .lockStrategy(LockStrategy.per2M())
                .build();
        lab = new LabHost(manager, policy.apply("test", manager));
    }

    /** Ends a TD, whatever state it is in. */
    void end(Td td) {
        td.stop();
        td.reclaim(td.vcpus().get(0), 0, td.memory().blocks(), true);
        td.end();
        td.memory().close();
    }

    @Override
    public void close() {
        lab.policy().close();
        manager.close();
        assertEquals(0, manager.stats().pairs().installed(), "pairs");
        assertEquals(pagesLost, freeBefore - host.freePages(), "pages that the host has not got back");
        host.close();
    }
}
