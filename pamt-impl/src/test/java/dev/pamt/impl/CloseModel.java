package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.Supplier;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * A manager that is closed beside its other calls, under Lincheck: each call comes before the close or after it, and after a close
 * that has succeeded everything is back with the host.
 *
 * <p>Public, with public constructors and operations, because Lincheck asks for it.
 */
public class CloseModel {
    static final int THREADS = 3;

    private static final long HPA = PageAllocator.CHUNK_BYTES;
    private static final long PAGES_HPA = HPA + PageAllocator.CHUNK_BYTES;
    private static final MemoryMap MAP =
            MemoryMap.of(List.of(PhysicalRange.between(HPA, PAGES_HPA + PageAllocator.CHUNK_BYTES)));

    private final SmallModule module = new SmallModule(HPA, 2);
    private final Pages pages = new Pages();
    private final int[] users = new int[THREADS + 1];
    private final PamtPageCache[] caches = new PamtPageCache[THREADS + 1];
    private PamtManager manager;
    private VmPageCache vm;

    /** Makes an open manager whose region was used once. */
    public CloseModel() {
        begin();
    }

    private void begin() {
        manager = PamtManager.builder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(MAP)
                .allocator(pages)
                .lockStrategy(LockStrategy.per2M())
                .build();
        manager.get(HPA);
        manager.put(HPA);
        manager.trim();
        vm = manager.newVmCache();
    }

    /** get, and a look at the module. */
    @Operation
    public String get(@Param(gen = ThreadIdGen.class) int thread) {
        return unlessClosed(() -> {
            manager.get(HPA);
            users[thread]++;
            return module.isBacked(HPA) ? "backed" : "UNBACKED";
        });
    }

    /** put of one of the thread's references. */
    @Operation
    public String put(@Param(gen = ThreadIdGen.class) int thread) {
        if (users[thread] == 0) {
            return "nothing to put";
        }
        users[thread]--;
        manager.put(HPA);
        return "put";
    }

    /** A cache of the thread's, new and filled. */
    @Operation
    public String fillCache(@Param(gen = ThreadIdGen.class) int thread) {
        return unlessClosed(() -> {
            caches[thread] = manager.newVcpuCache();
            caches[thread].topUp(1);
            return "filled";
        });
    }

    /** A reservation of the VM's cache, used for a get. */
    @Operation
    public String getFromReservation(@Param(gen = ThreadIdGen.class) int thread) {
        return unlessClosed(() -> {
            try (PamtPageCache reservation = vm.reserve(1)) {
                manager.get(HPA, reservation);
            }
            users[thread]++;
            return module.isBacked(HPA) ? "backed" : "UNBACKED";
        });
    }

    /** trim. */
    @Operation
    public String trim() {
        return unlessClosed(() -> {
            manager.trim();
            return "trimmed";
        });
    }

    /** close. */
    @Operation
    public String close() {
        try {
            manager.close();
        } catch (RegionsInUseException refused) {
            return "in use";
        }
        return "closed";
    }

    private static String unlessClosed(Supplier<String> call) {
        try {
            return call.get();
        } catch (ManagerClosedException closed) {
            return "closed";
        }
    }

    /** What must be so in the end. */
    @Validate
    public void booksAreRight() {
        audit();
    }

    private void audit() {
        Interleavings.count();
        boolean closed = unlessClosed(() -> {
                    manager.newVmCache().close();
                    return "open";
                })
                .equals("closed");
        int expected = 0;
        for (int thread = 0; thread <= THREADS; thread++) {
            expected += users[thread];
        }
        check(!closed || expected == 0, "the users of a closed manager");
        check(!closed || pages.out() == 0, "the pages of a closed manager");
        for (int thread = 0; thread <= THREADS; thread++) {
            for (; users[thread] > 0; users[thread]--) {
                manager.put(HPA);
            }
        }
        check(close().equals("closed"), "the close in the end");
        check(manager.state(HPA).kind() == Kind.EMPTY, "the state in the end");
        check(pages.out() == 0, "the pages in the end");
        check(module.busyAnswers() + module.refusals() == 0, "the module has refused");
        check(manager.stats().pairs().lost() == 0, "pairs that are lost");
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new AssertionError(what);
        }
    }

    /** Single pages for pairs. */
    private static final class Pages implements PageAllocator {
        private final ArrayDeque<Long> free = new ArrayDeque<>();
        private int out;

        Pages() {
            for (int i = 0; i < 8 * (THREADS + 1); i++) {
                free.add(PAGES_HPA + i * PAGE_BYTES);
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

        synchronized int out() {
            return out;
        }
    }
}
