package dev.pamt.lab.measure;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.LabHost;
import dev.pamt.seamcall.SeamcallProviderFactory;

/**
 * Gives a manager the pages of a placement, in their order: a get for each 4K page, a 2M mapping for each region that is a huge
 * page; then takes all back in the same order.
 *
 * <p><b>Thread-safety:</b> none; one run at a time, on one thread.
 */
public final class Replay {
    private final Placement placement;
    private final SeamcallProviderFactory factory;
    private final ReplayHost hosts;

    /**
     * Makes a replay.
     *
     * @param placement the pages
     * @param factory the backend to run on
     * @throws IllegalArgumentException if no host can have these pages
     */
    public Replay(Placement placement, SeamcallProviderFactory factory) {
        this.placement = placement;
        this.factory = factory;
        hosts = new ReplayHost(placement);
    }

    /**
     * The memory of the hosts.
     *
     * @return a map of whole gigabytes
     */
    public MemoryMap memory() {
        return hosts.memory();
    }

    /**
     * Runs the pages through a manager on a fresh host.
     *
     * @param strategy how its transitions exclude each other
     * @param policy when its empty regions lose their pair
     * @return what it has shown
     * @throws IllegalArgumentException if the module of the host cannot use Dynamic PAMT with these addresses
     */
    public ReplayResult run(LockStrategy strategy, ReclaimPolicy policy) {
        try (TdxHost host = LabHost.bringUp(factory, hosts.memory())) {
            if (!host.dynamicPamt()) {
                throw new IllegalArgumentException(String.format(
                        "Dynamic PAMT needs memory below 2^48; this placement reaches 0x%x",
                        hosts.memory().endHpa()));
            }
            PamtManager manager = PamtManager.builder()
                    .host(host)
                    .allocator(hosts.donors(host))
                    .lockStrategy(strategy)
                    .reclaimPolicy(policy)
                    .build();
            return run(manager, strategy, policy);
        }
    }

    private ReplayResult run(PamtManager manager, LockStrategy strategy, ReclaimPolicy policy) {
        long start = System.nanoTime();
        long got = start;
        PamtStats full = manager.stats();
        try {
            placement.forEachRun((hpa, pages, backing) -> {
                long end = hpa + Pages.bytes(pages);
                if (backing.isLarge()) {
                    for (long region = hpa; region < end; region += PageAllocator.CHUNK_BYTES) {
                        manager.map2M(region);
                    }
                } else {
                    for (long page = hpa; page < end; page += PageAllocator.PAGE_BYTES) {
                        manager.get(page);
                    }
                }
            });
            got = System.nanoTime();
            full = manager.stats();
            long resumed = System.nanoTime();
            giveBack(manager);
            long put = System.nanoTime();
            PamtStats idle = manager.stats();
            manager.close();
            return result(manager, strategy, policy, full, idle, got - start, put - resumed, "");
        } catch (PamtException e) {
            return result(manager, strategy, policy, full, manager.stats(), got - start, 0, e.toString());
        }
    }

    private ReplayResult result(
            PamtManager manager,
            LockStrategy strategy,
            ReclaimPolicy policy,
            PamtStats full,
            PamtStats idle,
            long getNanos,
            long putNanos,
            String failure) {
        return new ReplayResult(
                strategy.name(),
                policy.name(),
                placement.use().pairs(),
                full.pairs().installed(),
                idle,
                manager.stats().pairs().installed(),
                getNanos,
                putNanos,
                failure);
    }

    private void giveBack(PamtManager manager) {
        placement.forEachRun((hpa, pages, backing) -> {
            long end = hpa + Pages.bytes(pages);
            if (backing.isLarge()) {
                for (long region = hpa; region < end; region += PageAllocator.CHUNK_BYTES) {
                    manager.unmap2M(region);
                }
            } else {
                for (long page = hpa; page < end; page += PageAllocator.PAGE_BYTES) {
                    manager.put(page);
                }
            }
        });
    }
}
