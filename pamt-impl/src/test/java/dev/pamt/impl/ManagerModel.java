package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayDeque;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The manager under Lincheck: any two or three threads with any calls, on two regions that donate pages to each other.
 *
 * <p>Ownership is honest: a thread puts what it has got, unmaps what it has mapped and frees what it has allocated, and
 * nothing else. So each result can be explained by some order of the calls, and in the end the books are right.
 *
 * <p>Public, with public constructors and operations, because Lincheck asks for it.
 */
@Param(name = "region", gen = IntGen.class, conf = "0:1")
public class ManagerModel {
    private static final int THREADS = 3;
    private static final int REGIONS = 2;
    private static final int RANGE = 3;
    private static final int PAIRS_PER_CHUNK = 256;
    private static final long FIRST_HPA = PageAllocator.CHUNK_BYTES;
    private static final long PAGES_HPA = FIRST_HPA + REGIONS * PageAllocator.CHUNK_BYTES;
    private static final long CHUNKS_HPA = PAGES_HPA + PageAllocator.CHUNK_BYTES;
    private static final int ALL_REGIONS = 5;

    private static final MemoryMap MAP = MemoryMap.of(
            List.of(PhysicalRange.between(FIRST_HPA, FIRST_HPA + ALL_REGIONS * PageAllocator.CHUNK_BYTES)));

    private static LockStrategy strategy;
    private static boolean chunks;
    private static int idleRegions;

    private final SmallModule module = new SmallModule(FIRST_HPA, ALL_REGIONS);
    private final PamtPageCache[] vcpus = new PamtPageCache[THREADS + 1];
    private final int[][] users = new int[THREADS + 1][REGIONS];
    private final boolean[][] mapped = new boolean[THREADS + 1][REGIONS];
    private final long[] allocated = new long[THREADS + 1];
    private Pages pages;
    private PamtManager manager;
    private VmPageCache vm;

    /** Makes a manager and its callers for one interleaving. */
    public ManagerModel() {
        begin();
    }

    /** Sets the strategy, whether the host has 2M chunks, and how many regions may be idle, for the runs that follow. */
    static void prepare(LockStrategy nextStrategy, boolean withChunks, int mayBeIdle) {
        strategy = nextStrategy;
        chunks = withChunks;
        idleRegions = mayBeIdle;
    }

    /** Lincheck is told to ignore what happens in here and in {@link #audit}: watching it would cost most of the time. */
    private void begin() {
        pages = new Pages(chunks);
        manager = new ManagerBuilder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(MAP)
                .allocator(pages)
                .lockStrategy(strategy)
                .reclaimPolicy(idleRegions == 0 ? ReclaimPolicy.eager() : ReclaimPolicy.keepIdle(idleRegions))
                .build();
        manager.get(FIRST_HPA);
        manager.put(FIRST_HPA);
        manager.trim();
        vm = manager.newVmCache();
        for (int thread = 0; thread <= THREADS; thread++) {
            vcpus[thread] = manager.newVcpuCache();
        }
    }

    /** get, and a look at the module. */
    @Operation
    public String get(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        return take(thread, region, 1, () -> manager.get(hpa(region)));
    }

    /** get of a range. */
    @Operation
    public String getRange(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        return take(thread, region, RANGE, () -> manager.get(hpa(region), RANGE));
    }

    /** get of a whole region. */
    @Operation
    public String getAll(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        return take(thread, region, RegionWord.MAX_USERS, () -> manager.get(hpa(region), RegionWord.MAX_USERS));
    }

    /** get with a pair from the thread's own cache. */
    @Operation
    public String getFromCache(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        vcpus[thread].topUp(1);
        return take(thread, region, 1, () -> manager.get(hpa(region), vcpus[thread]));
    }

    /** get with a pair reserved from the VM's cache. */
    @Operation
    public String getFromReservation(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        try (PamtPageCache reservation = vm.reserve(1)) {
            return take(thread, region, 1, () -> manager.get(hpa(region), reservation));
        }
    }

    private String take(int thread, int region, int count, Runnable get) {
        try {
            get.run();
        } catch (RegionMapped2MException refused) {
            return "mapped";
        } catch (TooManyUsersException refused) {
            return "full";
        }
        users[thread][region] += count;
        return module.isBacked(hpa(region)) ? "backed" : "UNBACKED";
    }

    /** put of one of the thread's references. */
    @Operation
    public String put(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        return drop(thread, region, Math.min(1, users[thread][region]));
    }

    /** put of all of the thread's references. */
    @Operation
    public String putRange(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        return drop(thread, region, users[thread][region]);
    }

    private String drop(int thread, int region, int count) {
        if (count == 0) {
            return "nothing to put";
        }
        users[thread][region] -= count;
        manager.put(hpa(region), count);
        return "put";
    }

    /** allocPage, or freePage if the thread has a page; where there are chunks, for pairs come from single pages otherwise. */
    @Operation
    public String allocOrFree(@Param(gen = ThreadIdGen.class) int thread) {
        if (!pages.hasChunks) {
            return "pages are for pairs";
        }
        if (allocated[thread] != 0) {
            manager.freePage(allocated[thread]);
            allocated[thread] = 0;
            return "freed";
        }
        allocated[thread] = manager.allocPage();
        return module.isBacked(allocated[thread]) ? "backed" : "UNBACKED";
    }

    /** trim. */
    @Operation
    public void trim() {
        manager.trim();
    }

    /** map2M, or unmap2M if the thread has mapped the region. */
    @Operation
    public String mapOrUnmap(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        if (mapped[thread][region]) {
            mapped[thread][region] = false;
            manager.unmap2M(hpa(region));
            return "unmapped";
        }
        try {
            manager.map2M(hpa(region));
        } catch (RegionInUseException refused) {
            return "in use";
        } catch (RegionMapped2MException refused) {
            return "mapped by another";
        }
        mapped[thread][region] = true;
        return module.isBacked(hpa(region)) ? "MAPPED WITH A PAIR" : "mapped";
    }

    /** demote2M of a region that the thread has mapped. */
    @Operation
    public String demote(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        if (!mapped[thread][region]) {
            return "not mapped";
        }
        try (PamtPageCache reservation = vm.reserve(1)) {
            manager.demote2M(hpa(region), reservation, regs -> module.demote(hpa(region), regs.r12, regs.r13));
        }
        mapped[thread][region] = false;
        users[thread][region] += RegionWord.MAX_USERS;
        return module.isBacked(hpa(region)) ? "backed" : "UNBACKED";
    }

    /** promote2M of a region of which the thread has all users. */
    @Operation
    public String promote(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        if (users[thread][region] < RegionWord.MAX_USERS) {
            return "not all users";
        }
        manager.promote2M(hpa(region), regs -> module.promote(hpa(region), regs));
        users[thread][region] = 0;
        mapped[thread][region] = true;
        return module.isBacked(hpa(region)) ? "MERGED WITH A PAIR" : "merged";
    }

    /** What must be so when all threads have come to their ends, and when all have left. */
    @Validate
    public void booksAreRight() {
        audit();
    }

    private void audit() {
        Interleavings.count();
        compareBooks(idleRegions);
        for (int thread = 0; thread <= THREADS; thread++) {
            for (int region = 0; region < REGIONS; region++) {
                putRange(thread, region);
                if (mapped[thread][region]) {
                    mapOrUnmap(thread, region);
                }
            }
            if (allocated[thread] != 0) {
                allocOrFree(thread);
            }
            vcpus[thread].close();
        }
        vm.close();
        manager.trim();
        compareBooks(0);
        check(pages.out() == 0 && manager.stats().pages().donorChunks() == 0, "everything is back");
    }

    private void compareBooks(int mayBeIdle) {
        int idle = manager.state(PAGES_HPA).kind() == Kind.IDLE ? 1 : 0;
        for (int region = 0; region < REGIONS; region++) {
            int expected = 0;
            boolean huge = false;
            for (int thread = 0; thread <= THREADS; thread++) {
                expected += users[thread][region];
                huge |= mapped[thread][region];
            }
            RegionState state = manager.state(hpa(region));
            check(state.users() == expected, "the users of a region");
            Kind unused = state.kind() == Kind.IDLE ? Kind.IDLE : Kind.EMPTY;
            check(state.kind() == (huge ? Kind.HUGE : expected > 0 ? Kind.BACKED : unused), "the state of a region");
            check(module.isBacked(hpa(region)) == (expected > 0 || state.kind() == Kind.IDLE), "the pair of a region");
            idle += state.kind() == Kind.IDLE ? 1 : 0;
        }
        check(idle <= mayBeIdle, "the number of idle regions");
        int inUse = 0;
        for (long page : allocated) {
            inUse += page == 0 ? 0 : 1;
        }
        check(manager.state(PAGES_HPA).users() == inUse, "the users of the region of pages");
        check(module.busyAnswers() == 0, "the module was busy");
        check(module.refusals() == 0, "the module has refused");
        PamtStats stats = manager.stats();
        long pairs = stats.pairs().installed() + stats.pairs().cached();
        if (pages.hasChunks) {
            check(pages.out() == inUse, "the pages that are out");
            check(
                    PAIRS_PER_CHUNK * stats.pages().donorChunks()
                            == stats.pairs().spare() + pairs,
                    "the pairs of the chunks");
        } else {
            check(pages.out() == 2 * pairs, "the pages that are out");
        }
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new AssertionError(what);
        }
    }

    private static long hpa(int region) {
        return FIRST_HPA + region * PageAllocator.CHUNK_BYTES;
    }

    /** With chunks: pairs from chunks, and pages of a region of their own. Without: pairs of single pages, across. */
    private static final class Pages implements PageAllocator {
        private final boolean hasChunks;
        private final ArrayDeque<Long> free = new ArrayDeque<>();
        private final ArrayDeque<Long> freeChunks = new ArrayDeque<>();
        private int out;

        Pages(boolean hasChunks) {
            this.hasChunks = hasChunks;
            for (int i = 0; i < 4 * (THREADS + 1); i++) {
                free.add(hasChunks ? PAGES_HPA + i * PAGE_BYTES : hpa(1 - i / 2 % REGIONS) + (256L + i) * PAGE_BYTES);
            }
            if (hasChunks) {
                freeChunks.add(CHUNKS_HPA);
                freeChunks.add(CHUNKS_HPA + CHUNK_BYTES);
            }
        }

        @Override
        public synchronized long allocPage() {
            out++;
            return free.remove();
        }

        @Override
        public synchronized void freePage(long hpa) {
            out--;
            free.push(hpa);
        }

        @Override
        public synchronized long allocChunk() {
            return freeChunks.isEmpty() ? NONE : freeChunks.remove();
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            freeChunks.push(hpa);
        }

        synchronized int out() {
            return out;
        }
    }
}
