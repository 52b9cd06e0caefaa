package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * One region under Lincheck whose callers put what they have not got. A put takes a user if there is one, whose ever it is, and
 * is refused if there is none; a get that was told that its region is backed finds it so, unless all users have been put.
 *
 * <p>Public, with public constructors and operations, because Lincheck asks for it.
 */
public class StrayPutModel {
    private static final int RANGE = 2;
    private static final long HPA = PageAllocator.CHUNK_BYTES;
    private static final long CHUNK_HPA = 2 * PageAllocator.CHUNK_BYTES;
    private static final MemoryMap MAP =
            MemoryMap.of(List.of(PhysicalRange.between(HPA, CHUNK_HPA + PageAllocator.CHUNK_BYTES)));

    private static int idleRegions;

    private final SmallModule module = new SmallModule(HPA, 2);
    /** What the calls have answered, counted: users that callers believe to have. */
    private final AtomicInteger users = new AtomicInteger();

    private PamtManager manager;

    /** Makes a manager for one interleaving. */
    public StrayPutModel() {
        begin();
    }

    /** Sets how many regions may be idle, for the runs that follow. */
    static void prepare(int mayBeIdle) {
        idleRegions = mayBeIdle;
    }

    private void begin() {
        manager = new ManagerBuilder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(MAP)
                .allocator(new OneChunk())
                .lockStrategy(LockStrategy.per2M())
                .reclaimPolicy(idleRegions == 0 ? ReclaimPolicy.eager() : ReclaimPolicy.keepIdle(idleRegions))
                .build();
        manager.get(HPA);
        manager.put(HPA);
    }

    /** get. */
    @Operation
    public String get() {
        return take(1);
    }

    /** get of a range. */
    @Operation
    public String getRange() {
        return take(RANGE);
    }

    private String take(int pages) {
        try {
            if (pages == 1) {
                manager.get(HPA);
            } else {
                manager.get(HPA, pages);
            }
        } catch (RegionMapped2MException refused) {
            return "mapped";
        }
        users.getAndAdd(pages);
        return "backed";
    }

    /** put. */
    @Operation
    public String put() {
        return drop(1);
    }

    /** put of a range. */
    @Operation
    public String putRange() {
        return drop(RANGE);
    }

    private String drop(int pages) {
        try {
            if (pages == 1) {
                manager.put(HPA);
            } else {
                manager.put(HPA, pages);
            }
        } catch (NoUsersException refused) {
            return "no users";
        }
        users.getAndAdd(-pages);
        return "put";
    }

    /** trim. */
    @Operation
    public void trim() {
        manager.trim();
    }

    /** map2M, or unmap2M if the region is mapped. */
    @Operation
    public String mapOrUnmap() {
        while (true) {
            try {
                manager.map2M(HPA);
                return "mapped";
            } catch (RegionInUseException refused) {
                return "in use";
            } catch (RegionMapped2MException mapped) {
                try {
                    manager.unmap2M(HPA);
                    return "unmapped";
                } catch (RegionNotMapped2MException beaten) {
                    // Another thread has unmapped it: it can be mapped again.
                }
            }
        }
    }

    /** What must be so when all threads have come to their ends, and when all users are put. */
    @Validate
    public void theRegionHasTheUsersThatTheAnswersLeave() {
        audit();
    }

    private void audit() {
        Interleavings.count();
        RegionState state = manager.state(HPA);
        check(state.users() == users.get(), state + " with " + users + " users by the answers");
        check(
                module.isBacked(HPA) == (state.users() > 0 || state.kind() == Kind.IDLE),
                "the pair of a region " + state);
        check(state.kind() != Kind.IDLE || idleRegions > 0, "an idle region");
        check(module.busyAnswers() == 0 && module.refusals() == 0, "the module was busy or has refused");
        for (int user = state.users(); user > 0; user--) {
            manager.put(HPA);
        }
        if (state.kind() == Kind.HUGE) {
            manager.unmap2M(HPA);
        }
        manager.trim();
        check(manager.state(HPA).kind() == Kind.EMPTY && !module.isBacked(HPA), "an empty region");
        check(manager.stats().pages().donorChunks() == 0, "the chunk is back");
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new AssertionError(what);
        }
    }

    private static final class OneChunk implements PageAllocator {
        private boolean out;

        @Override
        public long allocPage() {
            return NONE;
        }

        @Override
        public void freePage(long hpa) {
            throw new AssertionError("no page is out");
        }

        @Override
        public synchronized long allocChunk() {
            if (out) {
                return NONE;
            }
            out = true;
            return CHUNK_HPA;
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            out = false;
        }
    }
}
