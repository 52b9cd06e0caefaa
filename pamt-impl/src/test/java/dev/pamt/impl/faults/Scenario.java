package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.function.Supplier;

/**
 * Some hundred calls, always the same for the same seed, by a caller that keeps its own books: a call that throws must have
 * changed nothing, and after each call the region must be what the books say.
 */
final class Scenario {
    static final int REGIONS = 5;
    private static final int MAX_USERS = 512;

    private final PamtManager manager;
    private final FaultInjector module;
    private final long firstRegionHpa;
    private final Random random;
    private final int[] users = new int[REGIONS];
    private final boolean[] huge = new boolean[REGIONS];
    private final ArrayDeque<Long> pages = new ArrayDeque<>();
    private PamtPageCache vcpu;
    private VmPageCache vm;
    private int refusals;

    Scenario(PamtManager manager, FaultInjector module, long firstRegionHpa, long seed) {
        this.manager = manager;
        this.module = module;
        this.firstRegionHpa = firstRegionHpa;
        this.random = new Random(seed);
    }

    /** Makes the calls, and then gives everything back. Returns how many were refused. */
    int run(int calls) {
        vcpu = manager.newVcpuCache();
        vm = manager.newVmCache();
        for (int call = 0; call < calls; call++) {
            step();
        }
        for (int region = 0; region < REGIONS; region++) {
            if (huge[region]) {
                manager.unmap2M(hpa(region));
                huge[region] = false;
            } else if (users[region] > 0) {
                manager.put(hpa(region), users[region]);
                users[region] = 0;
            }
            compare(region);
        }
        while (!pages.isEmpty()) {
            manager.freePage(pages.poll());
        }
        vcpu.close();
        vm.close();
        return refusals;
    }

    private void step() {
        int region = random.nextInt(REGIONS);
        int pages = 1 + random.nextInt(3);
        switch (random.nextInt(10)) {
            case 0, 1 -> get(region, pages);
            case 2 -> getFromCache(region);
            case 3, 4, 5 -> put(region, pages);
            case 6 -> allocOrFree();
            case 7 -> mapOrUnmap(region);
            case 8 -> demoteOrPromote(region);
            default -> occasionally();
        }
        compare(region);
    }

    private void get(int region, int pages) {
        if (!huge[region] && users[region] + pages <= MAX_USERS && succeeds(() -> manager.get(hpa(region), pages))) {
            users[region] += pages;
        }
    }

    private void getFromCache(int region) {
        if (!huge[region] && users[region] < MAX_USERS && succeeds(() -> vcpu.topUp(2))) {
            if (succeeds(() -> manager.get(hpa(region), vcpu))) {
                users[region]++;
            }
        }
    }

    private void put(int region, int pages) {
        int leaving = Math.min(pages, users[region]);
        if (leaving > 0) {
            manager.put(hpa(region), leaving);
            users[region] -= leaving;
        }
    }

    private void allocOrFree() {
        if (pages.size() < 3) {
            long[] hpa = new long[1];
            if (succeeds(() -> hpa[0] = manager.allocPage())) {
                pages.add(hpa[0]);
            }
        } else {
            manager.freePage(pages.poll());
        }
    }

    private void mapOrUnmap(int region) {
        if (huge[region]) {
            manager.unmap2M(hpa(region));
            huge[region] = false;
        } else if (users[region] == 0 && succeeds(() -> manager.map2M(hpa(region)))) {
            huge[region] = true;
        }
    }

    private void demoteOrPromote(int region) {
        if (huge[region]) {
            demote(region);
        } else if (users[region] == MAX_USERS) {
            if (succeeds(() ->
                    requireSuccess(() -> manager.promote2M(hpa(region), regs -> module.promote(hpa(region), regs))))) {
                users[region] = 0;
                huge[region] = true;
            }
        } else if (users[region] > 0) {
            get(region, MAX_USERS - users[region]);
        }
    }

    private void demote(int region) {
        PamtPageCache[] reservation = new PamtPageCache[1];
        if (!succeeds(() -> reservation[0] = vm.reserve(PamtPageCache.SPLIT_PAIRS))) {
            return;
        }
        try (PamtPageCache mine = reservation[0]) {
            if (succeeds(() -> requireSuccess(() ->
                    manager.demote2M(hpa(region), mine, (page0, page1) -> module.demote(hpa(region), page0, page1))))) {
                huge[region] = false;
                users[region] = MAX_USERS;
            }
        }
    }

    private void occasionally() {
        switch (random.nextInt(3)) {
            case 0 -> manager.trim();
            case 1 -> succeeds(() -> vm.topUp(1));
            default -> {
                vcpu.close();
                vcpu = manager.newVcpuCache();
            }
        }
    }

    private static void requireSuccess(Supplier<Long> call) {
        long status = call.get();
        if (TdxStatus.isError(status)) {
            throw new RefusedStatus();
        }
    }

    /** Whether a call has come through; if not, it was for a reason that a fault can have. */
    private boolean succeeds(Runnable call) {
        try {
            call.run();
            return true;
        } catch (OutOfPagesException | SeamcallFailedException | SeamcallUnavailableException | RefusedStatus fault) {
            refusals++;
            assertTrue(!(fault instanceof PamtException) || fault.getMessage() != null);
            return false;
        }
    }

    private void compare(int region) {
        RegionState state = manager.state(hpa(region));
        if (huge[region]) {
            assertEquals(Kind.HUGE, state.kind());
        } else if (users[region] == 0) {
            assertTrue(state.kind() == Kind.EMPTY || state.kind() == Kind.IDLE, () -> "nobody uses it: " + state);
        } else {
            assertEquals(new RegionState(Kind.BACKED, users[region]), state);
        }
    }

    private long hpa(int region) {
        return firstRegionHpa + region * PageAllocator.CHUNK_BYTES;
    }

    /** A DEMOTE or PROMOTE has come back with an error. */
    private static final class RefusedStatus extends RuntimeException {
        private static final long serialVersionUID = 1L;

        RefusedStatus() {
            super("refused", null, false, false);
        }
    }
}
