package dev.pamt.impl.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.Random;
import java.util.function.LongSupplier;

/**
 * Some hundred calls, always the same for the same seed, by a caller that keeps its own books: each is held against what the
 * contract says of it, and after each the host is looked over.
 */
final class Scenario {
    static final int REGIONS = 5;
    private static final int MAX_USERS = 512;

    private final FaultyHost host;
    private final PamtManager manager;
    private final FaultInjector module;
    private final Expectations expected;
    private final ArrayDeque<Long> pages = new ArrayDeque<>();
    private Random random;
    private PamtPageCache vcpu;
    private VmPageCache vm;
    /** The reservation that is open, or null. */
    private PamtPageCache reservation;

    private Step lastHit;
    private long freedPage = PageAllocator.NONE;

    Scenario(FaultyHost host) {
        this.host = host;
        this.manager = host.manager();
        this.module = host.faults();
        this.expected = host.expected();
    }

    /** Makes the calls, and then gives everything back. */
    void run(int calls, long seed) {
        random = new Random(seed);
        vcpu = manager.newVcpuCache();
        vm = manager.newVmCache();
        for (int call = 0; call < calls; call++) {
            step();
        }
        for (int region = 0; region < REGIONS; region++) {
            leave(region);
        }
        while (!pages.isEmpty()) {
            freePage();
        }
        perform(Step.CLOSE_CACHE, () -> vcpu.close());
        perform(Step.CLOSE_CACHE, () -> vm.close());
    }

    /** Gets and puts every region; each must be free for it. */
    void visitAll() {
        for (int region = 0; region < FaultyHost.REGIONS; region++) {
            get(region, 1);
            assertEquals(Kind.BACKED, manager.state(hpa(region)).kind());
            put(region, 1);
        }
    }

    /** Fills caches and leaves regions idle, for a close that has something to do. */
    void prepareClose() {
        vcpu = manager.newVcpuCache();
        vm = manager.newVmCache();
        perform(Step.FILL_CACHE, () -> vcpu.topUp(2));
        perform(Step.FILL_CACHE, () -> vm.topUp(2));
        perform(Step.FILL_CACHE, () -> reservation = vm.reserve(1));
        for (int region = 0; region < 2; region++) {
            get(region, 1);
            put(region, 1);
        }
    }

    /** Closes the manager. Returns whether it could be closed. */
    boolean close() {
        return perform(Step.CLOSE, manager::close);
    }

    /** The step in which the fault has hit last; null if it has not. */
    Step lastHit() {
        return lastHit;
    }

    private void leave(int region) {
        if (expected.kind(region) == Kind.HUGE) {
            perform(Step.UNMAP, region, 0, 0, () -> manager.unmap2M(hpa(region)));
        }
        if (expected.users(region) > 0) {
            put(region, expected.users(region));
        }
        // Only an unmap that was refused leaves something behind, and it can be made again.
        if (expected.kind(region) == Kind.HUGE) {
            perform(Step.UNMAP, region, 0, 0, () -> manager.unmap2M(hpa(region)));
        }
    }

    private void step() {
        int region = random.nextInt(REGIONS);
        int users = 1 + random.nextInt(3);
        switch (random.nextInt(10)) {
            case 0, 1 -> get(region, users);
            case 2 -> getFromCache(region);
            case 3, 4, 5 -> put(region, users);
            case 6 -> allocOrFree();
            case 7 -> mapOrUnmap(region);
            case 8 -> demoteOrPromote(region);
            default -> occasionally();
        }
    }

    private void get(int region, int users) {
        if (expected.kind(region) != Kind.HUGE && expected.users(region) + users <= MAX_USERS) {
            perform(Step.GET, region, users, Integer.MAX_VALUE, () -> manager.get(hpa(region), users));
        }
    }

    private void getFromCache(int region) {
        if (expected.kind(region) == Kind.HUGE || expected.users(region) == MAX_USERS) {
            return;
        }
        if (perform(Step.FILL_CACHE, () -> vcpu.topUp(2))) {
            int before = vcpu.pairs();
            perform(Step.GET, region, 1, before, () -> manager.get(hpa(region), vcpu));
            assertEquals(before - expected.pairsUsed(), vcpu.pairs(), "pairs that are left in the cache");
        }
    }

    private void put(int region, int users) {
        int leaving = Math.min(users, expected.users(region));
        if (leaving > 0) {
            perform(Step.PUT, region, leaving, 0, () -> manager.put(hpa(region), leaving));
        }
    }

    private void allocOrFree() {
        if (pages.size() < 3) {
            perform(
                    Step.ALLOC_PAGE,
                    FaultyHost.PAGES_REGION,
                    1,
                    Integer.MAX_VALUE,
                    () -> pages.add(manager.allocPage()));
        } else {
            freePage();
        }
    }

    private void freePage() {
        long page = pages.poll();
        freedPage = page;
        perform(Step.FREE_PAGE, FaultyHost.PAGES_REGION, 1, 0, () -> manager.freePage(page));
        freedPage = PageAllocator.NONE;
    }

    private void mapOrUnmap(int region) {
        if (expected.kind(region) == Kind.HUGE) {
            perform(Step.UNMAP, region, 0, 0, () -> manager.unmap2M(hpa(region)));
        } else if (expected.users(region) == 0) {
            perform(Step.MAP, region, 0, 0, () -> manager.map2M(hpa(region)));
        }
    }

    private void demoteOrPromote(int region) {
        if (expected.kind(region) == Kind.HUGE) {
            demote(region);
        } else if (expected.users(region) == MAX_USERS) {
            perform(
                    Step.PROMOTE,
                    region,
                    0,
                    0,
                    () -> manager.promote2M(hpa(region), regs -> module.promote(hpa(region), regs)));
        } else if (expected.users(region) > 0) {
            get(region, MAX_USERS - expected.users(region));
        }
    }

    private void demote(int region) {
        if (!perform(Step.FILL_CACHE, () -> reservation = vm.reserve(PamtPageCache.SPLIT_PAIRS))) {
            return;
        }
        perform(
                Step.DEMOTE,
                region,
                0,
                0,
                () -> manager.demote2M(
                        hpa(region), reservation, regs -> module.demote(hpa(region), regs.r12, regs.r13)));
        perform(Step.CLOSE_CACHE, () -> {
            reservation.close();
            reservation = null;
        });
    }

    private void occasionally() {
        switch (random.nextInt(3)) {
            case 0 -> perform(Step.TRIM, 0, 0, 0, manager::trim);
            case 1 -> perform(Step.FILL_CACHE, () -> vm.topUp(1));
            default -> {
                perform(Step.CLOSE_CACHE, () -> vcpu.close());
                vcpu = manager.newVcpuCache();
            }
        }
    }

    private boolean perform(Step step, Runnable call) {
        return perform(step, 0, 0, 0, call);
    }

    private boolean perform(Step step, int region, int users, int pairsInHand, Runnable call) {
        return perform(step, region, users, pairsInHand, () -> {
            call.run();
            return 0;
        });
    }

    /** Makes a call and judges it; says whether it has come through. */
    private boolean perform(Step step, int region, int users, int pairsInHand, LongSupplier call) {
        module.beginStep();
        long result = 0;
        Throwable thrown = null;
        try {
            result = call.getAsLong();
        } catch (RuntimeException | Error end) {
            thrown = end;
        }
        if (module.hasHitInStep()) {
            lastHit = step;
        }
        boolean hit = module.hasHitInStep();
        try {
            host.noteWhatCouldNotBeReturned(freedPage);
            expected.judge(step, region, users, pairsInHand, result, thrown);
            host.lookNowAndThen(cachedPairs());
        } catch (AssertionError wrong) {
            throw new AssertionError(
                    step + (hit ? " with the fault: " : " after the fault: ") + wrong.getMessage()
                            + (thrown == null ? "" : "; it threw " + thrown) + "; calls " + module.callsInStep(),
                    thrown == null ? wrong : thrown);
        }
        return thrown == null && !TdxStatus.isError(result);
    }

    private int cachedPairs() {
        return (vcpu == null ? 0 : vcpu.pairs())
                + (vm == null ? 0 : vm.unreserved())
                + (reservation == null ? 0 : reservation.pairs());
    }

    private long hpa(int region) {
        return host.hpa(region);
    }
}
