package dev.pamt.impl.hostile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Everything at once for a while, on the emulator and on a cheap module: at rest nothing is held beyond its bound, and the
 * heap is as full as it was at first.
 *
 * <p>The build takes some seconds. Ten minutes in a small heap: {@code mvn -pl pamt-impl -am test -Dtest=SoakTest
 * -Dpamt.soak.seconds=300 -Dtest.jvm.args=-Xmx64m -Dsurefire.failIfNoSpecifiedTests=false}, for each of the two modules
 * half of it.
 */
class SoakTest {
    private static final Duration TIME = Duration.ofSeconds(Long.getLong("pamt.soak.seconds", 6));
    private static final int THREADS = 3;
    private static final int KEPT_IDLE = 2;
    private static final int CALLS_PER_ROUND = 30_000;
    private static final int WARM_UP_ROUNDS = 3;
    private static final long HEAP_SLACK = 3L << 20;
    private static final long FIRST_HPA = 1L << 32;
    private static final int REGIONS = 1024;
    private static final int TARGETS = 600;

    private final long seed = new Random().nextLong();
    private CheapModule cheap;

    private static MemoryMap map() {
        return MemoryMap.of(List.of(PhysicalRange.between(FIRST_HPA, hpa(REGIONS))));
    }

    private static long hpa(int region) {
        return FIRST_HPA + region * PageAllocator.CHUNK_BYTES;
    }

    @Test
    void holdsNoMoreOnTheEmulatorAfterALongTimeThanAfterAShortOne() throws InterruptedException {
        try (PamtManager manager = PamtManager.builder()
                .memory(map())
                .reclaimPolicy(ReclaimPolicy.keepIdle(KEPT_IDLE))
                .build()) {
            soak("emulator", manager, manager.host().platform().processor(0));
        }
    }

    @Test
    void holdsNoMoreOnACheapModuleAfterALongTimeThanAfterAShortOne() throws InterruptedException {
        cheap = new CheapModule(FIRST_HPA, REGIONS);
        try (PamtManager manager = PamtManager.builder()
                .seamcalls(cheap, PhysicalMemory.none())
                .memory(map())
                .reclaimPolicy(ReclaimPolicy.keepIdle(KEPT_IDLE))
                .build()) {
            soak("cheap module", manager, cheap);
        }
    }

    private void soak(String name, PamtManager manager, SeamcallProvider module) throws InterruptedException {
        System.out.println("soak on the " + name + ", seed " + seed);
        long[] targets = usersRegions(manager);
        long freeAtFirst = manager.host().freePages();
        long until = System.nanoTime() + TIME.toNanos();
        long heapAtFirst = 0;
        long heap = 0;
        long rounds = 0;
        while (rounds <= WARM_UP_ROUNDS || System.nanoTime() < until) {
            long round = rounds;
            if (cheap != null) {
                cheap.refuseRemoves(rounds % 2 == 0 ? 50 : 0);
            }
            Crew.run(THREADS, index -> new Soaker(manager, module, targets, index, seed + round * THREADS + index)
                    .run());
            if (cheap != null) {
                cheap.refuseRemoves(0);
            }
            requireWithinBounds(manager, freeAtFirst);
            heap = usedHeap();
            rounds++;
            if (rounds <= WARM_UP_ROUNDS) {
                heapAtFirst = Math.max(heapAtFirst, heap);
            }
        }
        System.out.printf(
                "soak on the %s: %,d rounds of %,d calls, heap %,d bytes at first and %,d at the end%n",
                name, rounds, CALLS_PER_ROUND, heapAtFirst, heap);
        long grown = heap - heapAtFirst;
        assertTrue(grown < HEAP_SLACK, () -> "the heap has grown by " + grown + " bytes");
    }

    /** Regions that the users took from the host's allocator, so that it gives none of their pages to the manager. */
    private static long[] usersRegions(PamtManager manager) {
        long[] chunks = new long[TARGETS];
        for (int i = 0; i < TARGETS; i++) {
            chunks[i] = manager.host().allocator().allocChunk();
        }
        return chunks;
    }

    private static void requireWithinBounds(PamtManager manager, long freeAtFirst) {
        PamtStats stats = manager.stats();
        int idle = 0;
        for (int region = 0; region < REGIONS; region++) {
            RegionState state = manager.state(hpa(region));
            idle += state.kind() == RegionState.Kind.IDLE ? 1 : 0;
            assertTrue(
                    state.kind() != RegionState.Kind.BACKED && state.kind() != RegionState.Kind.HUGE, state::toString);
        }
        int atRest = idle;
        assertTrue(idle <= KEPT_IDLE + stats.calls().retryRegions(), () -> atRest + " regions are idle: " + stats);
        assertEquals(idle, stats.pairs().installed(), stats::toString);
        assertTrue(stats.pages().donorChunks() <= 1 + idle, () -> "chunks are held without a user: " + stats);
        assertEquals(
                0,
                stats.pairs().lost() + stats.pages().stranded() + stats.pairs().setAside(),
                stats::toString);
        assertEquals(0, stats.pairs().cached() + stats.pages().allocated(), stats::toString);
        manager.trim();
        PamtStats trimmed = manager.stats();
        assertEquals(0, trimmed.pairs().installed() + trimmed.calls().retryRegions(), trimmed::toString);
        assertEquals(0, trimmed.pages().donorChunks() + trimmed.pairs().spare(), trimmed::toString);
        assertEquals(freeAtFirst, manager.host().freePages());
    }

    @SuppressWarnings("SystemGc")
    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    /** One thread's share of a round; it ends with empty hands. */
    private static final class Soaker implements Runnable {
        private static final int MAX_USERS = 512;
        private static final int MOST_REFERENCES = 300;

        private final PamtManager manager;
        private final Seamcalls module;
        private final long[] targets;
        private final long own;
        private final SplittableRandom random;
        private final ArrayDeque<Long> references = new ArrayDeque<>();
        private final ArrayDeque<Long> pages = new ArrayDeque<>();
        private PamtPageCache cache;
        private VmPageCache vm;
        private int limit = MOST_REFERENCES;

        Soaker(PamtManager manager, SeamcallProvider module, long[] targets, int index, long seed) {
            this.manager = manager;
            this.module = new Seamcalls(module);
            this.targets = targets;
            this.own = targets[index];
            this.random = new SplittableRandom(seed);
            Chance.seed(seed);
            cache = manager.newVcpuCache();
            vm = manager.newVmCache();
        }

        @Override
        public void run() {
            for (int i = 0; i < CALLS_PER_ROUND / THREADS; i++) {
                step();
            }
            references.forEach(manager::put);
            pages.forEach(manager::freePage);
            cache.close();
            vm.close();
        }

        private void step() {
            long hpa = targets[THREADS + random.nextInt(TARGETS - THREADS)] + random.nextInt(MAX_USERS) * 4096L;
            switch (random.nextInt(12)) {
                case 0, 1 -> {
                    manager.get(hpa);
                    references.add(hpa);
                }
                case 2 -> {
                    cache.topUp(2);
                    manager.get(hpa, cache);
                    references.add(hpa);
                }
                case 3 -> pages.add(manager.allocPage());
                case 4, 5 -> {
                    while (pages.size() > 4) {
                        manager.freePage(pages.poll());
                    }
                }
                case 6 -> hugePage();
                case 7 -> {
                    cache.close();
                    cache = manager.newVcpuCache();
                    vm.topUp(3);
                    vm.close();
                    vm = manager.newVmCache();
                }
                case 8 -> {
                    // So many regions that their pairs fill several chunks, and then few again.
                    limit = random.nextInt(100) == 0 ? random.nextInt(MOST_REFERENCES) : limit;
                    if (random.nextInt(200) == 0) {
                        manager.trim();
                    }
                }
                default -> {
                    while (references.size() > limit) {
                        manager.put(references.poll());
                    }
                }
            }
        }

        /** Maps a region of its own as one 2M page, splits it, merges it, and lets it go: some of this, or all. */
        private void hugePage() {
            try {
                manager.map2M(own);
            } catch (SeamcallFailedException refused) {
                // The idle pair stays for this time: the cheap module refuses some REMOVEs.
                return;
            }
            if (random.nextBoolean()) {
                manager.unmap2M(own);
                return;
            }
            try (PamtPageCache pairs = vm.reserve(PamtPageCache.SPLIT_PAIRS)) {
                assertEquals(
                        0,
                        manager.demote2M(
                                own, pairs, regs -> module.pamtAdd(new SeamcallRegisters(), own, regs.r12, regs.r13)));
            }
            if (random.nextBoolean()) {
                assertEquals(0, manager.promote2M(own, this::promote));
                manager.unmap2M(own);
            } else {
                manager.put(own, MAX_USERS);
            }
        }

        /** Stands for a PROMOTE: what it does to the region's entry is what REMOVE does. */
        private long promote(SeamcallRegisters regs) {
            SeamcallRegisters removed = new SeamcallRegisters();
            long status;
            do {
                status = module.pamtRemove(removed, own);
            } while (TdxStatus.isError(status));
            regs.r12 = removed.rdx;
            regs.r13 = removed.r8;
            return status;
        }
    }
}
