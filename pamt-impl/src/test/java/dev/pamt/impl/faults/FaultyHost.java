package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A manager among callbacks of which one goes wrong, and what must be true of it after each step and at the end. */
final class FaultyHost {
    static final MemoryMap MAP = MemoryMap.of(List.of(PhysicalRange.between(0x1_0000_0000L, 0x1_4000_0000L)));

    /** The region that the allocator's single pages lie in. */
    static final int PAGES_REGION = Scenario.REGIONS;

    static final int REGIONS = PAGES_REGION + 1;

    private static final long FIRST_REGION_HPA = 0x1_3000_0000L;
    private static final long FIRST_DONOR_HPA = 0x1_1000_0000L;
    /** Mapped as one 2M page for the whole scenario, so that it is no good as a chunk. */
    private static final long MAPPED_HPA = 0x1_3800_0000L;

    private static final int PAGES = 128;
    private static final int PAIRS_PER_CHUNK = 256;

    /** What kind of manager on what kind of host. */
    record Setup(LockStrategy strategy, ReclaimPolicy policy, int chunks, boolean leaky) {
        Setup(LockStrategy strategy, ReclaimPolicy policy, int chunks) {
            this(strategy, policy, chunks, false);
        }

        static List<Setup> all() {
            return Stream.of(
                            LockStrategy.global(),
                            LockStrategy.hashed(1),
                            LockStrategy.hashed(64),
                            LockStrategy.per2M())
                    .flatMap(strategy -> Stream.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(2))
                            .flatMap(policy -> Stream.of(4, 0).map(chunks -> new Setup(strategy, policy, chunks))))
                    .toList();
        }

        /** All but those of a hash table with a single lock, which is a global lock by another name. */
        static List<Setup> allWithOneGlobalLock() {
            return all().stream()
                    .filter(setup ->
                            !setup.strategy.name().equals(LockStrategy.hashed(1).name()))
                    .toList();
        }

        BookkeepingAllocator allocator(FaultInjector faults) {
            return leaky
                    ? new LeakyAllocator(faults)
                    : new BookkeepingAllocator(faults, FIRST_DONOR_HPA, PAGES, chunks, MAPPED_HPA);
        }

        @Override
        public String toString() {
            return strategy.name() + ", " + policy + (chunks > 0 ? ", chunks" : ", single pages")
                    + (leaky ? ", leaky" : "");
        }
    }

    private static final int ALL_LOOKS = 30;
    private static final int LOOK_EACH = 10;

    private final Setup setup;
    private final SeamcallPlatform platform;
    private final FaultInjector faults;
    private final BookkeepingAllocator allocator;
    private final WatchedLocks locks;
    private final WatchedMemory memory;
    private final PamtManager manager;
    private final Expectations expected;
    private int looks;

    FaultyHost(Setup setup, SeamcallPlatform platform, FaultInjector faults) {
        this.setup = setup;
        this.platform = platform;
        this.faults = faults;
        this.allocator = setup.allocator(faults);
        this.locks = new WatchedLocks(setup.strategy, faults);
        this.memory = new WatchedMemory(platform.memory(), faults, this::isTheHosts);
        this.expected = new Expectations(REGIONS, faults, setup.policy, this::regionAt);
        this.manager = PamtManager.builder()
                .seamcalls(faults, memory)
                .memory(MAP)
                .allocator(allocator)
                .lockStrategy(locks)
                .reclaimPolicy(setup.policy)
                .build();
        faults.disarm();
        manager.map2M(MAPPED_HPA);
        faults.countAnew();
        faults.armAgain();
        faults.watchedBy(this::checkCall);
        allocator.watchedBy(this::checkNoLockIsHeld);
    }

    PamtManager manager() {
        return manager;
    }

    FaultInjector faults() {
        return faults;
    }

    Expectations expected() {
        return expected;
    }

    long hpa(int region) {
        return region == PAGES_REGION
                ? FIRST_DONOR_HPA + setup.chunks * PageAllocator.CHUNK_BYTES
                : FIRST_REGION_HPA + region * PageAllocator.CHUNK_BYTES;
    }

    private int regionAt(long regionHpa) {
        for (int region = 0; region < REGIONS; region++) {
            if (hpa(region) == regionHpa) {
                return region;
            }
        }
        throw new AssertionError(String.format("a call for region 0x%x, which no one uses", regionHpa));
    }

    private boolean isTheHosts(long pageHpa) {
        return allocator.isOut(pageHpa)
                && !faults.pairs().isLost(pageHpa)
                && !faults.pairs().isInstalled(pageHpa);
    }

    /** Under the locks that it needs, and with pages that are the manager's to give: so has each call to be made. */
    private void checkCall(ModuleCall call) {
        if (!locks.holds(call.regionHpa())) {
            faults.violation(call + " is made without the lock of the region");
        }
        if (call.handsPairOver()) {
            for (long page : new long[] {call.page0Hpa(), call.page1Hpa()}) {
                if (!isTheHosts(page)) {
                    faults.violation(String.format("%s hands over page 0x%x, which is not the manager's", call, page));
                }
                if (allocator.isPageOut(page) && !locks.holds(page)) {
                    faults.violation(String.format("%s is made without the lock of page 0x%x", call, page));
                }
            }
        }
    }

    private void checkNoLockIsHeld() {
        if (!locks.held().isEmpty()) {
            faults.violation("the allocator is called with locks held: " + locks.held());
        }
    }

    /**
     * Notes the pages that a callback has failed to clear or to take back in a step.
     *
     * @param freedPageHpa the page that the step has freed, or NONE
     */
    void noteWhatCouldNotBeReturned(long freedPageHpa) {
        if (!faults.hasHitInStep() || faults.fault().thrown() == null) {
            return;
        }
        switch (faults.fault().site()) {
            case PAGE_RETURN -> expected.pagesAreStranded(1);
            case CHUNK_RETURN -> expected.pagesAreStranded(2 * PAIRS_PER_CHUNK);
            case CLEAR_PAGE -> {
                long page = memory.notCleared();
                if (page == freedPageHpa) {
                    expected.pagesAreStranded(1);
                } else {
                    expected.pairIsLost();
                    faults.pairs().losePairOf(page);
                }
            }
            default -> {}
        }
    }

    /**
     * Looks the host over after a step, unless nothing has gone wrong yet and the same has been seen without a fault, or it
     * has been looked over many times since.
     */
    void lookNowAndThen(int cachedPairs) {
        if (faults.fault() == null || (faults.hits() > 0 && (looks++ < ALL_LOOKS || looks % LOOK_EACH == 0))) {
            look(cachedPairs);
        }
    }

    private void look(int cachedPairs) {
        assertEquals(List.of(), faults.violations());
        assertEquals(Set.of(), locks.held(), "locks that stay held");
        for (int region = 0; region < REGIONS; region++) {
            assertEquals(expected.state(region), manager.state(hpa(region)), "region " + region);
            checkModule(region);
        }
        PamtStats stats = manager.stats();
        expected.compare(stats);
        assertEquals(cachedPairs, stats.pairs().cached(), "pairs in caches");
        checkConservation(stats);
    }

    /** Every page that is out is somewhere. */
    private void checkConservation(PamtStats stats) {
        long pairs = stats.pairs().spare()
                + stats.pairs().cached()
                + stats.pairs().installed()
                + stats.pairs().lost()
                + stats.pairs().setAside();
        assertEquals(
                allocator.answeredFor(),
                stats.pages().allocated() + 2 * pairs + stats.pages().stranded(),
                () -> "pages that are out, and pages that are accounted for: " + stats);
    }

    /** The module has a pair where the manager says so. */
    private void checkModule(int region) {
        Kind kind = expected.kind(region);
        if (kind != Kind.UNKNOWN) {
            boolean backed = kind == Kind.BACKED || kind == Kind.IDLE;
            assertEquals(backed, faults.pairs().installedIn(hpa(region)) != null, () -> "a pair in region " + region);
        }
    }

    /** Lets a fault that is for the end happen there. */
    void armAgain() {
        faults.armAgain();
    }

    void disarm() {
        faults.disarm();
    }

    /** Drops the mapping that made a region no good as a chunk. */
    void unmap() {
        manager.unmap2M(MAPPED_HPA);
    }

    /** After a close that came through: everything is back but for what is counted as lost or stranded. */
    void checkClosed() {
        look(0);
        faults.beginStep();
        for (int region = 0; region < REGIONS; region++) {
            long hpa = hpa(region);
            assertThrows(ManagerClosedException.class, () -> manager.get(hpa));
        }
        assertEquals(List.of(), faults.callsInStep(), "calls of a closed manager");
        PamtStats stats = manager.stats();
        assertEquals(0, stats.pairs().installed());
        assertEquals(0, stats.pairs().cached());
        assertEquals(0, stats.pages().allocated());
        assertEquals(0, stats.pairs().setAside());
        Set<Long> lostPages = faults.pairs().lostOrInstalled();
        Set<Long> chunksWithLostPages = lostPages.stream()
                .map(page -> page & -PageAllocator.CHUNK_BYTES)
                .filter(allocator.chunksOut()::contains)
                .collect(Collectors.toSet());
        long lostFromChunks = lostPages.stream()
                        .filter(page -> chunksWithLostPages.contains(page & -PageAllocator.CHUNK_BYTES))
                        .count()
                / 2;
        assertEquals(chunksWithLostPages.size(), stats.pages().donorChunks(), "chunks that have not gone back");
        assertEquals(
                (long) PAIRS_PER_CHUNK * chunksWithLostPages.size() - lostFromChunks,
                stats.pairs().spare(),
                "pairs that have not gone back");
        for (int region = 0; region < REGIONS; region++) {
            long hpa = hpa(region);
            assertEquals(faults.pairs().installedIn(hpa) != null, modulePages(hpa) != 0, "a pair in the emulator");
        }
    }

    private long modulePages(long hpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        new Seamcalls(platform.processor(0)).pageRdmd(regs, PageLevel.SIZE_2M.encode(hpa));
        return regs.rcx;
    }

    /** Takes the pairs out of the module that the manager could not get back, so that it can be used again. */
    void emptyModule() {
        Seamcalls seamcalls = new Seamcalls(platform.processor(0));
        for (int region = 0; region < REGIONS; region++) {
            if (modulePages(hpa(region)) != 0) {
                seamcalls.pamtRemove(new SeamcallRegisters(), hpa(region));
            }
        }
    }

    /** Does to a manager's pages what v3 of the kernel's series did: the first page leaks when there is no second one. */
    private static final class LeakyAllocator extends BookkeepingAllocator {
        private boolean refused;

        LeakyAllocator(FaultInjector faults) {
            super(faults, FIRST_DONOR_HPA, PAGES, 0, MAPPED_HPA);
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
