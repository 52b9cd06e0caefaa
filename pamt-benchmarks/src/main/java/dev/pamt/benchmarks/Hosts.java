package dev.pamt.benchmarks;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.util.List;

/** What the benchmarks run on. */
final class Hosts {
    /** The first region of a stretch of memory that the host's allocator reaches last. */
    static final long REGIONS_HPA = 0x8_0000_0000L;

    private static final long REGION_BYTES = PageAllocator.CHUNK_BYTES;

    private static final MemoryMap MEMORY = MemoryMap.of(List.of(
            PhysicalRange.between(0x10_0000, 0x8000_0000L), PhysicalRange.between(0x1_0000_0000L, 0x10_0000_0000L)));

    private Hosts() {}

    /** An emulated host of 62 GiB whose module answers after that many nanoseconds, or as fast as it can. */
    static TdxHost emulated(long seamcallNanos) {
        return TdxHost.bringUp(platform(seamcallNanos), MEMORY);
    }

    /** The same with something between the host and the module. */
    static TdxHost emulated(long seamcallNanos, SeamcallDecorator decorator) {
        return TdxHost.bringUp(decorator.decorate(platform(seamcallNanos)), MEMORY);
    }

    private static SeamcallPlatform platform(long seamcallNanos) {
        PlatformConfig.Builder config = PlatformConfig.builder().cmrs(MEMORY.cmrs());
        if (seamcallNanos > 0) {
            config.option("latency-ns", "PHYMEM_PAMT_ADD=" + seamcallNanos + ",PHYMEM_PAMT_REMOVE=" + seamcallNanos);
        }
        return SeamcallProviderFactory.named("emulator").open(config.build());
    }

    static long regionHpa(int region) {
        return REGIONS_HPA + region * REGION_BYTES;
    }

    static PamtManager manager(TdxHost host, String strategy) {
        return PamtManager.builder().host(host).lockStrategy(strategy(strategy)).build();
    }

    private static LockStrategy strategy(String name) {
        return switch (name) {
            case "global" -> LockStrategy.global();
            case "hashed" -> LockStrategy.hashed(64);
            case "per2M" -> LockStrategy.per2M();
            default -> throw new IllegalArgumentException("no strategy is named " + name);
        };
    }
}
