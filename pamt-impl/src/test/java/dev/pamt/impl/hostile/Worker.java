package dev.pamt.impl.hostile;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionUnknownException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.api.VmPageCache;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * One thread's operations. It keeps its own references, and knows of each operation which exceptions it may meet.
 *
 * <p>Some regions are shared by all workers; one is its own, which it also maps as one 2M page, splits and merges, while the
 * others get and put it.
 */
final class Worker implements Runnable {
    private static final int MAX_USERS = 512;

    private static final List<Class<? extends PamtException>> REFUSED_GET = List.of(
            OutOfPagesException.class,
            SeamcallFailedException.class,
            ForeignPagePairException.class,
            RegionUnknownException.class,
            TooManyUsersException.class);
    private static final List<Class<? extends PamtException>> REFUSED_GET_OF_OTHERS = List.of(
            OutOfPagesException.class,
            SeamcallFailedException.class,
            ForeignPagePairException.class,
            RegionUnknownException.class,
            TooManyUsersException.class,
            RegionMapped2MException.class);
    private static final List<Class<? extends PamtException>> REFUSED_GET_FROM_CACHE = List.of(
            CacheExhaustedException.class,
            SeamcallFailedException.class,
            ForeignPagePairException.class,
            RegionUnknownException.class,
            TooManyUsersException.class);
    private static final List<Class<? extends PamtException>> NO_PAGES = List.of(OutOfPagesException.class);
    private static final List<Class<? extends PamtException>> REFUSED_MAP =
            List.of(SeamcallFailedException.class, RegionUnknownException.class, RegionInUseException.class);
    private static final List<Class<? extends PamtException>> REFUSED_DEMOTE = List.of(CacheExhaustedException.class);
    private static final List<Class<? extends PamtException>> REFUSED_PROMOTE = List.of(RegionInUseException.class);
    private static final List<Class<? extends PamtException>> NOTHING = List.of();

    private final World world;
    private final Ownership ownership;
    private final Journal journal;
    private final HostileModule module;
    private final PamtManager manager;
    private final int shared;
    private final int own;
    private final long seed;
    private final int[] users;
    private final ArrayDeque<Long> pages = new ArrayDeque<>();
    private boolean huge;
    private boolean closed;
    private PamtPageCache cache;
    private VmPageCache vm;
    private volatile long begunAt = System.nanoTime();
    private volatile String operation = "start";

    /** What the last call of a DEMOTE or PROMOTE came to. */
    private enum Outcome {
        NOT_MADE,
        SUCCESS,
        ERROR,
        NOT_SENT,
        NO_ANSWER
    }

    private Outcome outcome = Outcome.NOT_MADE;

    Worker(World world, int index, long seed) {
        this.world = world;
        this.ownership = world.ownership();
        this.journal = world.journal();
        this.module = world.module();
        this.manager = world.manager();
        this.shared = World.SHARED;
        this.own = shared + index;
        this.seed = seed;
        this.users = new int[ownership.targets()];
    }

    long begunAt() {
        return begunAt;
    }

    String operation() {
        return operation;
    }

    @Override
    public void run() {
        Chance.seed(seed);
        try {
            work();
        } catch (Throwable thrown) {
            journal.violation("a worker ends in " + thrown, thrown);
        }
        operation = "done";
        begunAt = Long.MAX_VALUE;
    }

    private void work() {
        int operations = world.profile().operations();
        int death = world.profile().dies() && Chance.oneIn(2) ? operations / 2 : operations;
        for (int i = 0; i < operations && !closed && journal.isClean(); i++) {
            if (i == death && !module.isDead()) {
                journal.note(() -> "the module dies");
                module.die(Chance.oneIn(2));
            }
            step();
        }
        if (Chance.oneIn(2)) {
            giveBack();
        }
    }

    /** Gives everything back; once in the midst of things, and once more when all is calm. */
    void giveBack() {
        begunAt = System.nanoTime();
        for (int region = 0; region < users.length; region++) {
            put(region, users[region]);
        }
        while (!pages.isEmpty()) {
            freePage();
        }
        if (huge) {
            unmap();
        }
        if (cache != null) {
            attempt("close cache", NOTHING, false, cache::close);
            cache = null;
        }
        if (vm != null) {
            attempt("close VM cache", NOTHING, false, vm::close);
            vm = null;
        }
    }

    private void step() {
        int region = Chance.below(shared);
        switch (Chance.below(20)) {
            case 0, 1, 2 -> get(region, 1);
            case 3 -> get(region, 1 + Chance.below(Chance.oneIn(8) ? MAX_USERS : 3));
            case 4, 5 -> getFromCache(region);
            case 6, 7, 8, 9 -> put(region, users[region] == 0 ? 0 : 1 + Chance.below(users[region]));
            case 10 -> allocPage();
            case 11 -> freePage();
            case 12, 13, 14 -> atOwnRegion();
            case 15 -> getAndPutOfOthers();
            case 16 -> topUp();
            case 17 -> reservation();
            case 18 -> occasionally();
            default -> look();
        }
    }

    private void get(int region, int count) {
        String name = "get of " + count + " in region " + region;
        long hpa = hpa(region, count);
        if (attempt(name, REFUSED_GET, true, () -> {
            if (count == 1 && Chance.oneIn(2)) {
                manager.get(hpa);
            } else {
                manager.get(hpa, count);
            }
        })) {
            ownership.gotten(region, count);
            users[region] += count;
        }
    }

    private void getFromCache(int region) {
        if (cache != null) {
            int count = 1 + Chance.below(3);
            String name = "get of " + count + " in region " + region + " from a cache of " + cache.pairs();
            if (attempt(name, REFUSED_GET_FROM_CACHE, true, () -> manager.get(hpa(region, count), count, cache))) {
                ownership.gotten(region, count);
                users[region] += count;
            }
        }
    }

    private void put(int region, int count) {
        if (count > 0) {
            ownership.putting(region, count);
            users[region] -= count;
            attempt("put of " + count + " in region " + region, NOTHING, false, () -> {
                if (count == 1 && Chance.oneIn(2)) {
                    manager.put(hpa(region, 1));
                } else {
                    manager.put(hpa(region, count), count);
                }
            });
        }
    }

    private void allocPage() {
        if (pages.size() < 6) {
            attempt("allocPage", REFUSED_GET, true, () -> {
                long hpa = manager.allocPage();
                ownership.handedOut(hpa);
                module.seeUsersPage(hpa);
                pages.add(hpa);
            });
        }
    }

    private void freePage() {
        if (!pages.isEmpty()) {
            long hpa = pages.poll();
            int count = ownership.freeing(hpa);
            attempt("freePage of 0x" + Long.toHexString(hpa), NOTHING, false, () -> manager.freePage(hpa));
            ownership.freed(hpa, count);
        }
    }

    private void atOwnRegion() {
        if (huge) {
            requireState("mapped as one 2M page", RegionState.Kind.HUGE);
            if (Chance.oneIn(3)) {
                unmap();
            } else {
                demote();
            }
        } else if (users[own] == 0) {
            if (Chance.oneIn(3)) {
                get(own, Chance.oneIn(2) ? MAX_USERS : 1);
            } else if (attempt("map2M", REFUSED_MAP, true, () -> manager.map2M(ownership.regionHpa(own)))) {
                huge = true;
                ownership.mapped(own, true);
            }
        } else if (users[own] == MAX_USERS && Chance.oneIn(2)) {
            promote();
        } else {
            put(own, Chance.oneIn(2) ? users[own] : 1);
        }
    }

    private void unmap() {
        ownership.mapped(own, false);
        huge = false;
        if (!attempt("unmap2M", NOTHING, true, () -> manager.unmap2M(ownership.regionHpa(own)))) {
            huge = true;
            ownership.mapped(own, true);
        }
    }

    private void demote() {
        if (vm == null) {
            return;
        }
        PamtPageCache[] reserved = new PamtPageCache[1];
        if (!attempt("reserve", NO_PAGES, true, () -> reserved[0] = vm.reserve(1 + Chance.below(3)))) {
            return;
        }
        outcome = Outcome.NOT_MADE;
        long[] status = {-1};
        ownership.mapped(own, false);
        boolean returned = attempt(
                "demote2M",
                REFUSED_DEMOTE,
                true,
                () -> status[0] = manager.demote2M(
                        ownership.regionHpa(own),
                        reserved[0],
                        regs -> noted(() -> module.demote(own, regs.r12, regs.r13))));
        requireReported("demote2M", returned, status[0]);
        switch (outcome) {
            case SUCCESS -> {
                huge = false;
                ownership.gotten(own, MAX_USERS);
                users[own] = MAX_USERS;
            }
            case NO_ANSWER -> huge = false;
            case NOT_MADE, ERROR, NOT_SENT -> {
                ownership.mapped(own, true);
                requireState("not split", RegionState.Kind.HUGE);
            }
        }
        attempt("close reservation", NOTHING, false, reserved[0]::close);
    }

    private void promote() {
        outcome = Outcome.NOT_MADE;
        long[] status = {-1};
        ownership.putting(own, MAX_USERS);
        boolean returned = attempt(
                "promote2M",
                REFUSED_PROMOTE,
                true,
                () -> status[0] =
                        manager.promote2M(ownership.regionHpa(own), regs -> noted(() -> module.promote(own, regs))));
        requireReported("promote2M", returned, status[0]);
        switch (outcome) {
            case SUCCESS -> {
                users[own] = 0;
                huge = true;
                ownership.mapped(own, true);
                requireState("merged", RegionState.Kind.HUGE);
            }
            case NO_ANSWER -> users[own] = 0;
            case NOT_MADE, ERROR, NOT_SENT -> ownership.gotten(own, MAX_USERS);
        }
    }

    private long noted(LongSupplier call) {
        outcome = Outcome.NO_ANSWER;
        try {
            long status = call.getAsLong();
            outcome = TdxStatus.isError(status) ? Outcome.ERROR : Outcome.SUCCESS;
            return status;
        } catch (SeamcallUnavailableException unavailable) {
            outcome = unavailable.mayHaveBeenMade() ? Outcome.NO_ANSWER : Outcome.NOT_SENT;
            throw unavailable;
        }
    }

    /** What was answered must be returned, and what was not answered must be thrown. */
    private void requireReported(String name, boolean returned, long status) {
        boolean fits =
                switch (outcome) {
                    case SUCCESS -> returned && !TdxStatus.isError(status);
                    case ERROR -> !returned || TdxStatus.isError(status);
                    case NOT_MADE, NOT_SENT, NO_ANSWER -> !returned;
                };
        if (!fits) {
            journal.violation(name + " came to " + outcome + " and "
                    + (returned ? "returned " + TdxStatus.toString(status) : "threw"));
        }
    }

    /** Another worker's region: a reference that comes and goes must not harm what its owner does with it. */
    private void getAndPutOfOthers() {
        int region = shared + Chance.below(world.profile().threads());
        if (region != own
                && attempt(
                        "get of another's region " + region,
                        REFUSED_GET_OF_OTHERS,
                        true,
                        () -> manager.get(hpa(region, 1)))) {
            ownership.gotten(region, 1);
            users[region]++;
            put(region, 1);
        }
    }

    private void topUp() {
        if (cache == null) {
            attempt("newVcpuCache", NOTHING, false, () -> cache = manager.newVcpuCache());
        } else if (Chance.oneIn(5)) {
            attempt("close cache", NOTHING, false, cache::close);
            cache = null;
        } else {
            int pairs = 1 + Chance.below(5);
            attempt("topUp to " + pairs, NO_PAGES, true, () -> cache.topUp(pairs));
        }
    }

    private void reservation() {
        if (vm == null) {
            attempt("newVmCache", NOTHING, false, () -> vm = manager.newVmCache());
        } else if (Chance.oneIn(5)) {
            attempt("close VM cache", NOTHING, false, vm::close);
            vm = null;
        } else if (Chance.oneIn(2)) {
            attempt("topUp of VM cache", NO_PAGES, true, () -> vm.topUp(1 + Chance.below(4)));
        } else {
            attempt("reserve and close", NO_PAGES, true, () -> vm.reserve(1 + Chance.below(4))
                    .close());
        }
    }

    private void occasionally() {
        if (Chance.oneIn(3)) {
            ownership.whileTrimming(() -> attempt("trim", NOTHING, false, manager::trim));
        }
    }

    private void look() {
        attempt("look", NOTHING, false, () -> {
            if (Chance.oneIn(2)) {
                manager.stats();
            } else {
                manager.state(ownership.regionHpa(Chance.below(ownership.regions() + 2)) + Chance.below(4096));
            }
        });
        for (int region = 0; region < shared && users[region] > 0; region++) {
            RegionState state = manager.state(ownership.regionHpa(region));
            if (state.kind() != RegionState.Kind.BACKED || state.users() < users[region]) {
                journal.violation("region " + region + " has " + users[region] + " users of mine and is " + state);
            }
        }
    }

    private void requireState(String what, RegionState.Kind expected) {
        RegionState state = manager.state(ownership.regionHpa(own));
        if (state.kind() != expected) {
            journal.violation("region " + own + " is " + what + ", and the manager says " + state);
        }
    }

    private long hpa(int region, int count) {
        return ownership.regionHpa(region) + Chance.below(MAX_USERS + 1 - count) * PageAllocator.PAGE_BYTES;
    }

    /**
     * Makes one call.
     *
     * @param refusals how the manager may refuse it
     * @param hostile whether what the hostile world throws may come out of it
     * @return whether it has returned
     */
    private boolean attempt(
            String name, List<Class<? extends PamtException>> refusals, boolean hostile, Runnable call) {
        operation = name;
        begunAt = System.nanoTime();
        journal.operation();
        boolean interrupted = Chance.oneIn(world.profile().interrupts());
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        journal.note(() -> name);
        try {
            call.run();
            return true;
        } catch (ManagerClosedException refused) {
            journal.note(() -> name + " ends in " + refused);
            requireNothingHeld(name);
            closed = true;
            return false;
        } catch (Throwable thrown) {
            journal.note(() -> name + " ends in " + thrown);
            if (!(refusals.contains(thrown.getClass())
                    || (hostile && (Hostility.isHostile(thrown) || world.breaksRules(thrown))))) {
                journal.violation(name + " ends in " + thrown, thrown);
            }
            return false;
        } finally {
            if (Thread.interrupted() != interrupted) {
                journal.violation(name + " has swallowed an interrupt");
            }
        }
    }

    /** A manager can close only when no one uses a region. */
    private void requireNothingHeld(String name) {
        int held = 0;
        for (int count : users) {
            held += count;
        }
        if (!world.mayBeClosed() || held > 0 || huge || !pages.isEmpty()) {
            journal.violation(name + " finds the manager closed, with " + held + " references and " + pages.size()
                    + " pages in hand" + (huge ? " and a region mapped as one 2M page" : ""));
        }
    }
}
