package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.faults.BookkeepingAllocator.ChunkOffer;
import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

/**
 * A scenario is run once for every fault and every k: the fault hits the k-th call that can have it (SQLite tests its
 * out-of-memory handling so). After each run: every page is back but for those of pairs that are counted as lost, every
 * region is empty in the manager and in the module, and the same scenario runs through when nothing goes wrong.
 *
 * <p>{@code -Dpamt.faults.calls=400} makes the scenarios longer, {@code -Dpamt.faults.scenarios=10} makes more of them,
 * {@code -Dpamt.faults.seed=7} makes them others.
 */
class EnumeratedFaultsTest {
    private static final int CALLS = Integer.getInteger("pamt.faults.calls", 200);
    private static final int SCENARIOS = Integer.getInteger("pamt.faults.scenarios", 3);
    private static final long SEED = Long.getLong("pamt.faults.seed", 20_261_120L);

    private static final MemoryMap MAP = MemoryMap.of(List.of(PhysicalRange.between(0x1_0000_0000L, 0x1_4000_0000L)));
    private static final long FIRST_REGION_HPA = 0x1_3000_0000L;
    private static final long FIRST_DONOR_HPA = 0x1_1000_0000L;
    /** Mapped as one 2M page for the whole scenario, so that it is no good as a chunk. */
    private static final long MAPPED_HPA = 0x1_3800_0000L;

    private final PrintStream err = System.err;
    private SeamcallPlatform emulator;
    private TdxHost host;

    @BeforeEach
    void bringUp() {
        emulator = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder().cmrs(MAP.cmrs()).build());
        host = TdxHost.bringUp(emulator, MAP);
        // Each failed REMOVE is worth a line in a log, ten thousand are not.
        System.setErr(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    @AfterEach
    void close() {
        System.setErr(err);
        host.close();
    }

    @Test
    void nothingIsLostWhateverGoesWrong() {
        int runs = 0;
        for (int scenario = 0; scenario < SCENARIOS; scenario++) {
            for (Setup setup : Setup.all()) {
                runs += enumerate(setup, SEED + scenario);
            }
        }
        System.out.println(
                "enumerated faults: " + runs + " runs, scenarios of " + CALLS + " calls, seeds from " + SEED);
        assertTrue(runs >= 20_000 || CALLS < 200 || SCENARIOS < 3, runs + " runs");
    }

    @Test
    void aLeakIsFound() {
        Setup leaky = new Setup(LockStrategy.per2M(), ReclaimPolicy.eager(), false, true);
        AssertionFailedError found = assertThrows(AssertionFailedError.class, () -> enumerate(leaky, SEED));
        assertTrue(found.getMessage().contains("pages that are out"), found.getMessage());
    }

    private int enumerate(Setup setup, long seed) {
        FaultInjector counting = new FaultInjector(emulator.processor(0), null, 0);
        check(setup, seed, counting, 0);
        int runs = 1;
        for (Fault fault : Fault.all()) {
            // The second half of the calls belongs to the second time, when nothing goes wrong.
            int sites = counting.calls(fault.site()) / 2;
            for (int k = 1; k <= sites; k++) {
                try {
                    check(setup, seed, new FaultInjector(emulator.processor(0), fault, k), fault.mayRefuse());
                } catch (RuntimeException | AssertionError failed) {
                    throw new AssertionFailedError(
                            "seed " + seed + ", " + setup + ", " + fault + " at call " + k + ": " + failed.getMessage(),
                            failed);
                }
                runs++;
            }
        }
        return runs;
    }

    private void check(Setup setup, long seed, FaultInjector injector, int mayRefuse) {
        BookkeepingAllocator allocator = setup.allocator(injector);
        PamtManager manager = PamtManager.builder()
                .seamcalls(injector, emulator.memory())
                .memory(MAP)
                .allocator(allocator)
                .lockStrategy(setup.strategy)
                .reclaimPolicy(setup.policy)
                .build();
        manager.map2M(MAPPED_HPA);

        int refusals = new Scenario(manager, injector, FIRST_REGION_HPA, seed).run(CALLS);
        assertTrue(refusals <= mayRefuse, () -> refusals + " calls were refused, not " + mayRefuse);
        boolean interrupted = Thread.interrupted();

        injector.disarm();
        int refusalsOnceMore = new Scenario(manager, injector, FIRST_REGION_HPA, seed).run(CALLS);
        assertEquals(0, refusalsOnceMore, "refused calls when nothing goes wrong");
        assertFalse(Thread.interrupted(), "an interrupt has come back");

        manager.unmap2M(MAPPED_HPA);
        manager.close();
        PamtStats stats = manager.stats();
        assertEquals(0, stats.installedPairs());
        assertEquals(0, stats.cachedPairs());
        assertEquals(0, stats.allocatedPages());
        assertEquals(0, stats.retryRegions());
        if (setup.chunks) {
            assertTrue(allocator.chunksOut() <= stats.lostPairs(), "chunks that are out");
            assertEquals(stats.donorChunks(), allocator.chunksOut());
            assertEquals(0, allocator.pagesOut() % 2);
        } else {
            assertEquals(2 * stats.lostPairs(), allocator.pagesOut(), "pages that are out");
        }
        assertTrue(stats.lostPairs() <= 1, "pairs that are lost");
        for (int region = 0; region < Scenario.REGIONS; region++) {
            long hpa = FIRST_REGION_HPA + region * PageAllocator.CHUNK_BYTES;
            assertEquals(RegionState.Kind.EMPTY, manager.state(hpa).kind());
            SeamcallRegisters regs = new SeamcallRegisters();
            new Seamcalls(emulator.processor(0)).pageRdmd(regs, PageLevel.SIZE_2M.encode(hpa));
            assertEquals(0, regs.rcx, "the module has a pair");
        }
        assertEquals(injector.wasInterrupted(), interrupted, "the interrupt is kept");
    }

    /** What kind of manager on what kind of host. */
    private record Setup(LockStrategy strategy, ReclaimPolicy policy, boolean chunks, boolean leaky) {
        static List<Setup> all() {
            return Stream.of(
                            LockStrategy.global(),
                            LockStrategy.hashed(1),
                            LockStrategy.hashed(64),
                            LockStrategy.per2M())
                    .flatMap(strategy -> Stream.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(2))
                            .flatMap(policy ->
                                    Stream.of(true, false).map(chunks -> new Setup(strategy, policy, chunks, false))))
                    .toList();
        }

        BookkeepingAllocator allocator(FaultInjector injector) {
            BooleanSupplier page = () -> injector.hits(Site.PAGE_ALLOCATION);
            BooleanSupplier chunk = () -> injector.hits(Site.CHUNK_ALLOCATION);
            ChunkOffer inUse = () -> injector.hits(Site.CHUNK_IN_USE) ? MAPPED_HPA : PageAllocator.NONE;
            return leaky
                    ? new LeakyAllocator(page, chunk, inUse)
                    : new BookkeepingAllocator(FIRST_DONOR_HPA, 128, chunks ? 4 : 0, page, chunk, inUse);
        }

        @Override
        public String toString() {
            return strategy.name() + ", " + policy + (chunks ? ", chunks" : ", single pages")
                    + (leaky ? ", leaky" : "");
        }
    }

    /** Does to a manager's pages what v3 of the kernel's series did: the first page leaks when there is no second one. */
    private static final class LeakyAllocator extends BookkeepingAllocator {
        private boolean refused;

        LeakyAllocator(BooleanSupplier refusesPage, BooleanSupplier refusesChunk, ChunkOffer badChunk) {
            super(FIRST_DONOR_HPA, 128, 0, refusesPage, refusesChunk, badChunk);
        }

        @Override
        public long allocPage() {
            long hpa = super.allocPage();
            refused = hpa == NONE;
            return hpa;
        }

        @Override
        public void freePage(long hpa) {
            if (!refused) {
                super.freePage(hpa);
            }
            refused = false;
        }
    }
}
