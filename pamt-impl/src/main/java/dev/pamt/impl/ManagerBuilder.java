package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.host.HostBringUp;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.Objects;
import java.util.function.IntSupplier;

/** Builds a manager, on a host that is given, opened or found. */
final class ManagerBuilder implements PamtManager.Builder {
    private static final String DEFAULT_BACKEND = "emulator";

    private TdxHost host;
    private SeamcallPlatform platform;
    private SeamcallProviderFactory backend;
    private SeamcallProvider provider;
    private PhysicalMemory providerMemory;
    private MemoryMap memory;
    private PageAllocator allocator;
    private LockStrategy strategy;
    private ReclaimPolicy policy;
    private IntSupplier processors;
    private boolean timed;
    private Boolean dynamicPamt;

    @Override
    public PamtManager.Builder host(TdxHost value) {
        requireNoModule("a host");
        requireBroughtUpHere("a host");
        if (memory != null) {
            throw new IllegalStateException("a host has its memory map; a memory map was set before the host");
        }
        host = Objects.requireNonNull(value, "host");
        return this;
    }

    @Override
    public PamtManager.Builder platform(SeamcallPlatform value) {
        requireNoModule("a platform");
        platform = Objects.requireNonNull(value, "platform");
        return this;
    }

    @Override
    public PamtManager.Builder backend(String name) {
        requireNoModule("a backend");
        backend = SeamcallProviderFactory.named(name);
        return this;
    }

    @Override
    public PamtManager.Builder seamcalls(SeamcallProvider value, PhysicalMemory scrubbed) {
        requireNoModule("a provider");
        requireBroughtUpHere("a provider");
        provider = Objects.requireNonNull(value, "provider");
        providerMemory = Objects.requireNonNull(scrubbed, "memory");
        return this;
    }

    @Override
    public PamtManager.Builder memory(MemoryMap value) {
        requireUnset("a memory map", memory);
        if (host != null) {
            throw new IllegalStateException("a host has its memory map; it cannot be given another");
        }
        memory = Objects.requireNonNull(value, "memory");
        return this;
    }

    @Override
    public PamtManager.Builder allocator(PageAllocator value) {
        requireUnset("an allocator", allocator);
        allocator = Objects.requireNonNull(value, "allocator");
        return this;
    }

    @Override
    public PamtManager.Builder lockStrategy(LockStrategy value) {
        requireUnset("a lock strategy", strategy);
        strategy = Objects.requireNonNull(value, "strategy");
        return this;
    }

    @Override
    public PamtManager.Builder reclaimPolicy(ReclaimPolicy value) {
        requireUnset("a reclaim policy", policy);
        Objects.requireNonNull(value, "policy");
        int idle = value.idleRegions();
        if (idle < 0 || idle > ReclaimPolicy.MAX_IDLE_REGIONS) {
            throw new IllegalArgumentException("the number of regions kept idle is 0 to "
                    + ReclaimPolicy.MAX_IDLE_REGIONS + ", not " + idle + " as the policy " + value.name() + " says");
        }
        policy = value;
        return this;
    }

    @Override
    public PamtManager.Builder processors(IntSupplier choice) {
        requireUnset("a choice of processors", processors);
        processors = Objects.requireNonNull(choice, "choice");
        return this;
    }

    @Override
    public PamtManager.Builder timeTransitions() {
        if (timed) {
            throw new IllegalStateException("timeTransitions was set before");
        }
        timed = true;
        return this;
    }

    @Override
    public PamtManager.Builder dynamicPamt(boolean wanted) {
        requireUnset("dynamicPamt", dynamicPamt);
        if (host != null || provider != null) {
            throw new IllegalStateException(
                    "dynamicPamt decides how a module is brought up; that of a host or provider" + " is up already");
        }
        dynamicPamt = wanted;
        return this;
    }

    @Override
    public PamtManager build() {
        if (provider != null && memory == null) {
            throw new IllegalStateException("a provider knows no memory map; set one with memory(...)");
        }
        TdxHost target = host != null ? host : open();
        ModuleClaim claim = null;
        PamtManager manager = null;
        try {
            claim = ModuleClaim.on(target.platform());
            manager = manage(target, claim);
            return manager;
        } finally {
            if (manager == null && claim != null) {
                claim.release();
            }
            if (manager == null && host == null) {
                target.close();
            }
        }
    }

    private PamtManager manage(TdxHost target, ModuleClaim claim) {
        PageAllocator pages = allocator != null ? allocator : target.allocator();
        if (!target.dynamicPamt()) {
            return new StaticPamtManager(target, host == null, claim, pages);
        }
        return new DynamicPamtManager(
                target,
                host == null,
                claim,
                pages,
                strategy != null ? strategy : new LockStrategies.Per2M(),
                policy != null ? policy : ReclaimPolicy.eager(),
                processors,
                timed);
    }

    private TdxHost open() {
        if (provider != null) {
            return new AttachedHost(provider, providerMemory, memory);
        }
        MemoryMap map = memory != null ? memory : MemoryMap.synthetic();
        if (platform != null) {
            return HostBringUp.bringUp(platform, map, wantsDynamicPamt());
        }
        SeamcallProviderFactory factory = backend != null ? backend : SeamcallProviderFactory.named(DEFAULT_BACKEND);
        SeamcallPlatform opened =
                factory.open(PlatformConfig.builder().cmrs(map.cmrs()).build());
        boolean up = false;
        try {
            TdxHost result = HostBringUp.bringUp(opened, map, wantsDynamicPamt());
            up = true;
            return result;
        } finally {
            if (!up) {
                opened.close();
            }
        }
    }

    private boolean wantsDynamicPamt() {
        return dynamicPamt == null || dynamicPamt;
    }

    private void requireBroughtUpHere(String what) {
        if (dynamicPamt != null) {
            throw new IllegalStateException(
                    "dynamicPamt decides how a module is brought up; that of " + what + " is up already");
        }
    }

    private void requireNoModule(String what) {
        if (host != null || platform != null || backend != null || provider != null) {
            throw new IllegalStateException("a manager works on one module; " + what
                    + " cannot be set beside the host, platform, backend or provider that was set before");
        }
    }

    private static void requireUnset(String what, Object value) {
        if (value != null) {
            throw new IllegalStateException(what + " was set before: " + value);
        }
    }
}
