package dev.pamt.impl.oom;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.VmPageCache;
import dev.pamt.impl.oom.sites.Trap;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A caller of the manager that keeps its own books. A call that ends in the error of the trap has to have changed nothing,
 * apart from a region that is unknown then; the caller makes it a second time.
 */
final class Caller {
    static final int REGIONS = 9;
    /** The region that lies below those that pages come from. */
    static final int LOW = 8;

    static final int MAX_USERS = 512;

    private final Machine machine;
    private final Trap trap;
    private final Findings findings;
    private final int[] users = new int[REGIONS];
    private final boolean[] huge = new boolean[REGIONS];
    /** Regions that several threads use at this moment, so that the books of one call say nothing. */
    private final BitSet shared = new BitSet();

    private final Deque<Long> pages = new ArrayDeque<>();
    private PamtManager manager;
    private PamtPageCache vcpu;
    private VmPageCache vm;
    private volatile String doing = "build";

    /**
     * Makes a caller that has nothing.
     *
     * @param trap throws the error; null if nothing does
     */
    Caller(Machine machine, Trap trap, Findings findings) {
        this.machine = machine;
        this.trap = trap;
        this.findings = findings;
    }

    static long hpa(int region) {
        return region == LOW ? Machine.LOW_HPA : Machine.FIRST_REGION_HPA + region * PageAllocator.CHUNK_BYTES;
    }

    /** Builds the manager, at the second try if the first one fails; null if it cannot be built. */
    PamtManager build() {
        manager = result("build", machine::build);
        if (manager == null) {
            findings.add(Category.BUILD_REFUSED, "a second build() fails");
        }
        return manager;
    }

    PamtManager manager() {
        return manager;
    }

    ScriptedModule module() {
        return machine.module();
    }

    Bank bank() {
        return machine.bank();
    }

    String doing() {
        return doing;
    }

    PamtPageCache vcpu() {
        if (vcpu == null) {
            vcpu = result("newVcpuCache", manager::newVcpuCache);
        }
        return vcpu;
    }

    VmPageCache vm() {
        if (vm == null) {
            vm = result("newVmCache", manager::newVmCache);
        }
        return vm;
    }

    void get(int region, int count) {
        get(region, count, () -> manager.get(hpa(region), count));
    }

    void getFromCache(int region, int count) {
        get(region, count, () -> manager.get(hpa(region), count, vcpu()));
    }

    /** A get that may end in one of these exceptions. */
    void get(int region, int count, Runnable call, Class<?>... expected) {
        if (does("get " + region, call, region, expected)) {
            users(region, count);
        }
        compare(region);
    }

    /** Gets a region until it has all the users that it can have. */
    void fill(int region) {
        if (users[region] < MAX_USERS) {
            get(region, MAX_USERS - users[region]);
        }
    }

    void put(int region, int count) {
        if (count == 0 || users[region] < count) {
            return;
        }
        if (does("put " + region, () -> manager.put(hpa(region), count), region)) {
            users(region, -count);
        }
        compare(region);
    }

    void map2M(int region, Class<?>... expected) {
        if (does("map2M " + region, () -> manager.map2M(hpa(region)), region, expected)) {
            huge[region] = true;
        }
        compare(region);
    }

    void unmap2M(int region) {
        if (huge[region] && does("unmap2M " + region, () -> manager.unmap2M(hpa(region)), region)) {
            huge[region] = false;
        }
        compare(region);
    }

    /** Splits a region with a pair of a reservation. */
    void demote(int region, PamtPageCache reservation, Class<?>... expected) {
        if (!huge[region]) {
            return;
        }
        long[] status = {TdxStatus.OPERAND_BUSY.code()};
        does(
                "demote2M " + region,
                () -> status[0] = manager.demote2M(
                        hpa(region), reservation, regs -> machine.module().demote(hpa(region), regs.r12, regs.r13)),
                region,
                expected);
        if (!TdxStatus.isError(status[0])) {
            huge[region] = false;
            users[region] = MAX_USERS;
        }
        compare(region);
    }

    /** Merges a region. */
    void promote(int region, Class<?>... expected) {
        if (users[region] != MAX_USERS) {
            return;
        }
        long[] status = {TdxStatus.OPERAND_BUSY.code()};
        does(
                "promote2M " + region,
                () -> status[0] =
                        manager.promote2M(hpa(region), regs -> machine.module().promote(hpa(region), regs)),
                region,
                expected);
        if (!TdxStatus.isError(status[0])) {
            huge[region] = true;
            users[region] = 0;
        }
        compare(region);
    }

    void allocPage() {
        Long hpa = result("allocPage", manager::allocPage);
        if (hpa != null) {
            pages.add(hpa);
        }
    }

    void freePage() {
        if (!pages.isEmpty()) {
            long hpa = pages.poll();
            does("freePage", () -> manager.freePage(hpa), -1);
        }
    }

    long somePage() {
        return pages.isEmpty() ? PageAllocator.NONE : pages.peek();
    }

    /** A call that no region is in the books for; it may end in one of these exceptions. */
    boolean call(String what, Runnable call, Class<?>... expected) {
        return does(what, call, -1, expected);
    }

    /** What a call returns, at the second try if the first one ends in the error; null if that throws, too. */
    <T> T result(String what, Supplier<T> call) {
        Object[] result = new Object[1];
        does(what, () -> result[0] = call.get(), -1);
        @SuppressWarnings("unchecked")
        T value = (T) result[0];
        return value;
    }

    /** Runs something beside this thread with regions that are then used by both. */
    Deadline beside(Runnable work, int... sharedRegions) {
        Arrays.stream(sharedRegions).forEach(shared::set);
        return Deadline.start("beside", work);
    }

    /** Waits for what runs beside this thread, and looks at what was shared. */
    void join(Deadline... others) {
        for (Deadline other : others) {
            if (!other.isMet(10, TimeUnit.SECONDS)) {
                findings.add(Category.LOCK_HELD, "beside %s: %s", doing, other.where());
            }
        }
        shared.clear();
        for (int region = 0; region < REGIONS; region++) {
            compare(region);
        }
    }

    void closeCaches() {
        if (vcpu != null) {
            does("close of the vCPU's cache", vcpu::close, -1);
            vcpu = null;
        }
        if (vm != null) {
            does("close of the VM's cache", vm::close, -1);
            vm = null;
        }
    }

    /** Gives back whatever this caller has. */
    void giveEverythingBack() {
        machine.module().forgetScript();
        machine.bank().refuse(0, 0);
        for (int region = 0; region < REGIONS; region++) {
            unmap2M(region);
            put(region, users[region]);
        }
        while (!pages.isEmpty()) {
            freePage();
        }
        closeCaches();
    }

    private synchronized void users(int region, int more) {
        users[region] += more;
    }

    /** Whether a call has come through, at the second try if the first one ended in the error of the trap. */
    private boolean does(String what, Runnable call, int region, Class<?>... expected) {
        doing = what;
        boolean before = trap == null || trap.hasThrown();
        for (int attempt = 1; ; attempt++) {
            try {
                call.run();
                return true;
            } catch (RuntimeException | Error failed) {
                if (attempt == 1 && !before && trap.hasThrown()) {
                    if (!mayBeMadeAgain(what, region)) {
                        return false;
                    }
                } else {
                    if (Arrays.stream(expected).noneMatch(type -> type.isInstance(failed))) {
                        findings.add(Category.UNEXPECTED, "%s: %s", what, failed);
                    }
                    afterFailure(region);
                    return false;
                }
            }
        }
    }

    /** After the error: whether the region is as before the call. If it is unknown, then the books say so, too. */
    private boolean mayBeMadeAgain(String what, int region) {
        if (region < 0 || shared.get(region)) {
            return true;
        }
        afterFailure(region);
        RegionState state = state(region);
        if (!agrees(region, state)) {
            findings.add(Category.BOOKS, "%s threw and left %s, not %s", what, state, booked(region));
            users[region] = state.users();
            huge[region] = state.kind() == Kind.HUGE;
            return false;
        }
        boolean needsMapping = what.startsWith("demote") || what.startsWith("promote");
        return !needsMapping || state.kind() != Kind.UNKNOWN;
    }

    /** A region that is unknown has no users and is not mapped. */
    private void afterFailure(int region) {
        if (region >= 0
                && !shared.get(region)
                && manager != null
                && state(region).kind() == Kind.UNKNOWN) {
            users[region] = 0;
            huge[region] = false;
        }
    }

    void compare(int region) {
        if (shared.get(region)) {
            return;
        }
        RegionState state = state(region);
        if (state.kind() != Kind.STATIC && !agrees(region, state)) {
            findings.add(Category.BOOKS, "after %s region %d is %s, not %s", doing, region, state, booked(region));
            users[region] = state.users();
            huge[region] = state.kind() == Kind.HUGE;
        }
    }

    /** The state of a region, at the second try if the first one ends in the error. */
    private RegionState state(int region) {
        try {
            return manager.state(hpa(region));
        } catch (RuntimeException | Error failed) {
            if (trap == null || !trap.isBehind(failed)) {
                throw failed;
            }
            return manager.state(hpa(region));
        }
    }

    private boolean agrees(int region, RegionState state) {
        if (huge[region]) {
            return state.kind() == Kind.HUGE;
        }
        return users[region] > 0
                ? state.equals(new RegionState(Kind.BACKED, users[region]))
                : state.kind() == Kind.EMPTY || state.kind() == Kind.IDLE || state.kind() == Kind.UNKNOWN;
    }

    private String booked(int region) {
        return huge[region] ? "HUGE" : users[region] + " users";
    }
}
