package dev.pamt.benchmarks.rivals;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;

/** This library. */
record Ours(PamtManager manager) implements RegionCounts {
    Ours(TdxHost host, LockStrategy strategy) {
        this(PamtManager.builder().host(host).lockStrategy(strategy).build());
    }

    @Override
    public void get(long hpa) {
        manager.get(hpa);
    }

    @Override
    public void put(long hpa) {
        manager.put(hpa);
    }

    @Override
    public void close() {
        manager.close();
    }
}
