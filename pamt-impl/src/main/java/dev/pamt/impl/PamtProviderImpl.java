package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.api.spi.PamtProvider;
import dev.pamt.impl.host.HostBringUp;
import dev.pamt.seamcall.SeamcallPlatform;

/** The door to the implementation, for {@link java.util.ServiceLoader}. Stateless. */
public final class PamtProviderImpl implements PamtProvider {
    /** Makes the provider; called by the service loader. */
    public PamtProviderImpl() {}

    @Override
    public PamtManager.Builder managerBuilder() {
        return new ManagerBuilder();
    }

    @Override
    public TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory, boolean dynamicPamt) {
        return HostBringUp.bringUp(platform, memory, dynamicPamt);
    }

    @Override
    public LockStrategy global() {
        return new LockStrategies.Global();
    }

    @Override
    public LockStrategy hashed(int locks) {
        return new LockStrategies.Hashed(locks);
    }

    @Override
    public LockStrategy hashed() {
        return new LockStrategies.HashedByMemory();
    }

    @Override
    public LockStrategy lockStrategy(String text) {
        return Named.lockStrategy(text);
    }

    @Override
    public ReclaimPolicy reclaimPolicy(String text) {
        return Named.reclaimPolicy(text);
    }

    @Override
    public LockStrategy per2M() {
        return new LockStrategies.Per2M();
    }
}
