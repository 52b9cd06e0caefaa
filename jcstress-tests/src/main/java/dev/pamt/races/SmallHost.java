package dev.pamt.races;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * A module, an allocator and a manager for one state: for races that close the manager, or that have to know where every
 * page is. Every answer is a word or two.
 *
 * <p>Regions 0 to 3 are for users and lie in a gigabyte that nothing touches before the race does; region 4 has the single
 * pages and 5 to 7 are chunks, in another gigabyte.
 */
final class SmallHost {
    static final int REGIONS = 8;
    static final String CLOSED = "closed";
    static final String CLEAN = "clean";
    static final RegionState EMPTY = new RegionState(RegionState.Kind.EMPTY, 0);
    static final RegionState HUGE = new RegionState(RegionState.Kind.HUGE, 0);

    private static final int USERS_REGIONS = 4;
    private static final int FIRST_CHUNK = 5;
    private static final long GIBIBYTE = 1L << 30;
    private static final long USERS_BYTES = USERS_REGIONS * PageAllocator.CHUNK_BYTES;
    private static final long PAGES_BYTES = (REGIONS - USERS_REGIONS) * PageAllocator.CHUNK_BYTES;
    private static final MemoryMap MAP = MemoryMap.of(List.of(
            PhysicalRange.between(GIBIBYTE, GIBIBYTE + USERS_BYTES),
            PhysicalRange.between(2 * GIBIBYTE, 2 * GIBIBYTE + PAGES_BYTES)));

    final PamtManager manager;
    final SmallModule module = new SmallModule();
    final SmallAllocator allocator = new SmallAllocator(module);
    private final ReclaimPolicy policy;

    private SmallHost(LockStrategy strategy, ReclaimPolicy policy) {
        this.policy = policy;
        manager = PamtManager.builder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(MAP)
                .allocator(allocator)
                .lockStrategy(strategy)
                .reclaimPolicy(policy)
                .build();
    }

    /** A host as the properties of the run say. */
    static SmallHost asConfigured() {
        return withLocks(RaceHost.strategy());
    }

    /** A host as the properties of the run say, but for the locks. */
    static SmallHost withLocks(LockStrategy strategy) {
        return new SmallHost(strategy, RaceHost.policy()).withChunksIfConfigured();
    }

    /** A host that keeps one region idle, whatever the properties say. */
    static SmallHost keepingOneIdle() {
        return new SmallHost(RaceHost.strategy(), ReclaimPolicy.keepIdle(1)).withChunksIfConfigured();
    }

    /** A host that has single pages only, until it is offered a chunk. */
    static SmallHost withoutChunks() {
        return new SmallHost(RaceHost.strategy(), RaceHost.policy());
    }

    private SmallHost withChunksIfConfigured() {
        for (int region = FIRST_CHUNK; RaceHost.givesChunks() && region < REGIONS; region++) {
            allocator.offerChunk(region(region));
        }
        return this;
    }

    /** The address of a region. */
    static long region(int index) {
        long offset = index * PageAllocator.CHUNK_BYTES;
        return index < USERS_REGIONS ? GIBIBYTE + offset : 2 * GIBIBYTE + offset - USERS_BYTES;
    }

    static int regionOf(long hpa) {
        long base = hpa < 2 * GIBIBYTE ? GIBIBYTE : 2 * GIBIBYTE - USERS_BYTES;
        return (int) ((hpa - base) / PageAllocator.CHUNK_BYTES);
    }

    /** A page that the allocator gives. */
    static long page(int index) {
        return region(USERS_REGIONS) + index * PageAllocator.PAGE_BYTES;
    }

    static RegionState users(int users) {
        return users == 0 ? EMPTY : new RegionState(RegionState.Kind.BACKED, users);
    }

    /** Gets a region and asks the module whether its pair is there. */
    String getAndLook(long hpa) {
        return answer(() -> {
            manager.get(hpa);
            return look(hpa);
        });
    }

    /** As above, with a pair from a cache. */
    String getAndLook(long hpa, PamtPageCache cache) {
        return answer(() -> {
            manager.get(hpa, cache);
            return look(hpa);
        });
    }

    String look(long hpa) {
        return module.isBacked(hpa) ? "backed" : "unbacked";
    }

    String put(long hpa) {
        return answer(() -> {
            manager.put(hpa);
            return "put";
        });
    }

    String map2M(long hpa) {
        return answer(() -> {
            manager.map2M(hpa);
            return "mapped 2M";
        });
    }

    String demote(long hpa, PamtPageCache pairs) {
        return answer(() -> {
            long status = manager.demote2M(hpa, pairs, regs -> module.demote(hpa, regs.r12, regs.r13));
            return status == 0 ? "split" : "not split";
        });
    }

    String promote(long hpa) {
        return answer(() -> {
            long status = manager.promote2M(hpa, regs -> module.promote(hpa, regs));
            return status == 0 ? "merged" : "not merged";
        });
    }

    /** Takes a page and asks the module whether it can use it. */
    String allocPage(LongSupplier alloc) {
        return answer(() -> look(alloc.getAsLong()));
    }

    String freePage(long hpa) {
        return answer(() -> {
            manager.freePage(hpa);
            return "freed";
        });
    }

    String trim() {
        return answer(() -> {
            manager.trim();
            return "trimmed";
        });
    }

    /**
     * Closes the manager: "closed" if everything is back with the allocator when that returns, "in use" if it was refused for
     * regions that may have been in use at that time.
     */
    String close(long... mayBeInUse) {
        return answer(() -> {
            try {
                manager.close();
            } catch (RegionsInUseException refused) {
                return isTrue(refused.leftovers(), mayBeInUse) ? "in use" : "in use: " + refused.leftovers();
            }
            return isAtRest() ? CLOSED : "closed too early";
        });
    }

    private static boolean isTrue(List<Leftover> leftovers, long... mayBeInUse) {
        boolean allTrue = !leftovers.isEmpty();
        for (Leftover leftover : leftovers) {
            RegionState.Kind kind = leftover.state().kind();
            boolean known = false;
            for (long hpa : mayBeInUse) {
                known |= leftover.hpa() == hpa;
            }
            allTrue &=
                    known && (kind == RegionState.Kind.HUGE || leftover.state().users() > 0);
        }
        return allTrue;
    }

    /** The answer of a call in a word. An exception that no rule foresees is named, and so an outcome that no test allows. */
    static String answer(Supplier<String> call) {
        try {
            return call.get();
        } catch (ManagerClosedException closed) {
            return CLOSED;
        } catch (RegionMapped2MException mapped) {
            return "mapped 2M";
        } catch (RegionInUseException users) {
            return "in use";
        } catch (DonorRegionException donor) {
            return "donor";
        } catch (TooManyUsersException full) {
            return "too many";
        } catch (SeamcallFailedException module) {
            return "refused";
        } catch (CacheExhaustedException empty) {
            return "exhausted";
        } catch (RuntimeException unforeseen) {
            return unforeseen.getClass().getSimpleName();
        }
    }

    /**
     * What the arbiter says. A manager that was closed refuses every call. One that was not has the region in just the state
     * that its callers were told of; when they have left, no more regions keep a pair than may be idle, trim takes those back,
     * and it can be closed. Either way everything is back with the allocator, once, and on the way the module was never busy
     * and never refused.
     */
    String verdict(String closing, long hpa, RegionState expected) {
        String wrong = answer(() -> closing.startsWith(CLOSED) ? refusals(hpa) : leave(hpa, expected));
        if (wrong == null) {
            wrong = complaint();
        }
        return wrong == null ? CLEAN : wrong;
    }

    /** The verdict for a manager that no one has tried to close. */
    String verdict(long hpa, RegionState expected) {
        return verdict("open", hpa, expected);
    }

    private String refusals(long hpa) {
        boolean refused = CLOSED.equals(getAndLook(hpa))
                && CLOSED.equals(put(hpa))
                && CLOSED.equals(map2M(hpa))
                && CLOSED.equals(trim())
                && CLOSED.equals(allocPage(manager::allocPage))
                && CLOSED.equals(
                        answer(() -> "cache with " + manager.newVcpuCache().pairs()))
                && CLOSED.equals(
                        answer(() -> "cache with " + manager.newVmCache().unreserved()));
        return refused ? null : "closed and not refused";
    }

    private String leave(long hpa, RegionState expected) {
        String wrong = compare(hpa, expected);
        if (wrong != null) {
            return wrong;
        }
        if (expected.users() > 0) {
            manager.put(hpa, expected.users());
        } else if (expected.equals(HUGE)) {
            manager.unmap2M(hpa);
        }
        if (module.pairs() > policy.idleRegions()) {
            return "pairs without a user";
        }
        manager.trim();
        if (module.pairs() > 0) {
            return "pairs after trim";
        }
        String closed = close();
        return closed.equals(CLOSED) ? null : "at last " + closed;
    }

    /** Compares a region with what its callers were told, as the manager and the module see it; null if all agree. */
    String compare(long hpa, RegionState expected) {
        RegionState state = manager.state(hpa);
        boolean idle = expected.equals(EMPTY) && policy.idleRegions() > 0 && state.kind() == RegionState.Kind.IDLE;
        if (!idle && !state.equals(expected)) {
            return state + " and not " + expected;
        }
        return module.isBacked(hpa) == (idle || expected.users() > 0) ? null : state + " and " + look(hpa);
    }

    private boolean isAtRest() {
        return allocator.isAllBack() && module.pairs() == 0;
    }

    private String complaint() {
        PamtStats stats = manager.stats();
        if (!isAtRest()) {
            return "pages are left out";
        }
        if (stats.pairs().lost() + stats.pages().stranded() + stats.pages().allocated() > 0) {
            return "pages are counted out";
        }
        return allocator.complaint() != null ? allocator.complaint() : module.complaint();
    }
}
