package dev.pamt.impl.hostile;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.seamcall.PhysicalRange;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/** One manager in a world that is against it, from build to close; the same for the same seed if it has one thread. */
final class World {
    static final int SHARED = 3;

    private static final Duration WEDGED = Duration.ofSeconds(20);
    private static final long POLL_MILLIS = 200;
    private static final int MOST_ALLOCATOR_REGIONS = 8;
    private static final int LONGEST_DELAY_NANOS = 3_000_000;
    private static final int LONGEST_PAUSE_NANOS = 200_000;
    private static final int CLOSE_ATTEMPTS = 3;

    private final Profile profile;
    private final Journal journal = new Journal();
    private final Ownership ownership;
    private final HostileModule module;
    private final HostileMemory memory;
    private final HostileAllocator allocator;
    private final HostileLocks locks;
    private final PamtManager manager;
    private final long seed;
    private final List<Long> pinnedPages = new ArrayList<>();
    private final int pinnedRegion;
    private volatile boolean isClosed;

    World(long seed, int operations) {
        this.seed = seed;
        SplittableRandom random = new SplittableRandom(seed);
        profile = Profile.of(random, operations);
        int targets = SHARED + profile.threads() + 1;
        pinnedRegion = targets - 1;
        long firstHpa = random.nextBoolean() ? PageAllocator.CHUNK_BYTES : 1L << 32;
        ownership = new Ownership(journal, firstHpa, targets, targets + 2 + random.nextInt(MOST_ALLOCATOR_REGIONS - 1));
        module = new HostileModule(ownership, journal, profile);
        memory = new HostileMemory(ownership, journal, profile.scrubFails());
        allocator = new HostileAllocator(ownership, journal, profile);
        locks = new HostileLocks(profile.strategy(), profile.lockFails());
        manager = PamtManager.builder()
                .seamcalls(module, memory)
                .memory(MemoryMap.of(
                        List.of(PhysicalRange.between(firstHpa, ownership.regionHpa(ownership.regions())))))
                .allocator(allocator)
                .lockStrategy(locks)
                .reclaimPolicy(profile.policy())
                .processors(locks::processor)
                .build();
        allocator.callsBack(manager);
        module.callsBack(manager);
    }

    Profile profile() {
        return profile;
    }

    Journal journal() {
        return journal;
    }

    Ownership ownership() {
        return ownership;
    }

    HostileModule module() {
        return module;
    }

    PamtManager manager() {
        return manager;
    }

    boolean mayBeClosed() {
        return profile.closes();
    }

    boolean breaksRules(Throwable thrown) {
        return allocator.isForRules(thrown);
    }

    /** Runs the world to its end. */
    void run() throws InterruptedException {
        Chance.seed(seed);
        pin();
        setCalm(false);
        List<Worker> workers = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < profile.threads(); i++) {
            Worker worker = new Worker(this, i, seed + 1 + i);
            workers.add(worker);
            threads.add(start("worker " + i, worker));
        }
        if (profile.closes()) {
            threads.add(start("closer", () -> closeAtTimes(seed - 1)));
        }
        boolean ended = true;
        for (Thread thread : threads) {
            ended &= join(thread, workers);
        }
        if (ended && journal.isClean()) {
            Thread last = start("end", () -> end(workers));
            join(last, workers);
        }
    }

    private static Thread start(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Waits for a thread, as long as each of its operations ends. */
    private boolean join(Thread thread, List<Worker> workers) throws InterruptedException {
        long begun = System.nanoTime();
        while (true) {
            thread.join(POLL_MILLIS);
            if (!thread.isAlive()) {
                return true;
            }
            long now = System.nanoTime();
            boolean alive = now - begun < WEDGED.toNanos();
            for (Worker worker : workers) {
                alive |= worker.begunAt() != Long.MAX_VALUE && now - worker.begunAt() < WEDGED.toNanos();
            }
            if (!alive) {
                journal.violation("wedged: " + thread.getName() + ", the workers are at "
                        + workers.stream().map(Worker::operation).toList() + dump());
                return false;
            }
        }
    }

    private static String dump() {
        StringBuilder text = new StringBuilder();
        for (Map.Entry<Thread, StackTraceElement[]> thread :
                Thread.getAllStackTraces().entrySet()) {
            if (List.of(thread.getValue()).toString().contains("dev.pamt.")) {
                text.append("\n    ").append(thread.getKey());
                for (StackTraceElement frame : thread.getValue()) {
                    text.append("\n        at ").append(frame);
                }
            }
        }
        return text.toString();
    }

    private void setCalm(boolean calm) {
        module.setCalm(calm);
        memory.setCalm(calm);
        allocator.setCalm(calm);
        locks.setCalm(calm);
    }

    /** Where the allocator is going to break its rules: a few pages, chunks and regions that stay where they are. */
    private void pin() {
        if (!allocator.breaksRules()) {
            return;
        }
        long hpa = manager.allocPage();
        ownership.handedOut(hpa);
        pinnedPages.add(hpa);
        manager.get(ownership.regionHpa(pinnedRegion));
        ownership.gotten(pinnedRegion, 1);
        Pair pair = ownership.held(pinnedRegion);
        long donor = pair.page0Hpa() & -PageAllocator.CHUNK_BYTES;
        long usersRegion = hpa & -PageAllocator.CHUNK_BYTES;
        if (ownership.isChunk(donor)) {
            allocator.pin(
                    new long[] {hpa, pair.page0Hpa(), pair.page1Hpa(), donor + 511 * PageAllocator.PAGE_BYTES},
                    new long[] {donor, usersRegion, ownership.regionHpa(pinnedRegion)});
        } else {
            allocator.pin(
                    new long[] {hpa, pair.page0Hpa(), pair.page1Hpa()},
                    new long[] {usersRegion, ownership.regionHpa(pinnedRegion)});
        }
    }

    private void unpin() {
        allocator.keepRules();
        for (long hpa : pinnedPages) {
            int count = ownership.freeing(hpa);
            manager.freePage(hpa);
            ownership.freed(hpa, count);
        }
        if (!pinnedPages.isEmpty()) {
            ownership.putting(pinnedRegion, 1);
            manager.put(ownership.regionHpa(pinnedRegion));
        }
    }

    private void closeAtTimes(long closerSeed) {
        Chance.seed(closerSeed);
        LockSupport.parkNanos(Chance.below(LONGEST_DELAY_NANOS));
        for (int i = 0; i < 20 && !closed(); i++) {
            LockSupport.parkNanos(Chance.below(LONGEST_PAUSE_NANOS));
        }
    }

    /** Calls close; returns whether the manager is closed now. */
    private boolean closed() {
        journal.operation();
        journal.note(() -> "close");
        try {
            ownership.whileTrimming(manager::close);
            isClosed = true;
            journal.note(() -> "close has closed");
            return true;
        } catch (RegionsInUseException inUse) {
            journal.note(() -> "close ends in " + inUse);
            return false;
        } catch (Throwable thrown) {
            journal.violation("close ends in " + thrown, thrown);
            return false;
        }
    }

    /** What is left in hands is given back, the books are compared, and the manager is closed. */
    private void end(List<Worker> workers) {
        Chance.seed(~seed);
        try {
            boolean hostileEnd = Chance.oneIn(2);
            setCalm(!hostileEnd);
            if (profile.dies() && !module.isDead()) {
                module.die(Chance.oneIn(2));
            }
            workers.forEach(Worker::giveBack);
            // What could not be unmapped among failing locks can be now.
            locks.setCalm(true);
            workers.forEach(Worker::giveBack);
            unpin();
            module.requireFewPairsInDeath();
            if (!isClosed) {
                compareBooks();
            }
            close(hostileEnd);
            requireClosed();
        } catch (Throwable thrown) {
            journal.violation("the end of the world ends in " + thrown, thrown);
        }
    }

    private void close(boolean hostileEnd) {
        for (int i = 0; hostileEnd && !profile.dies() && i < CLOSE_ATTEMPTS; i++) {
            if (closed()) {
                return;
            }
        }
        setCalm(true);
        if (!closed()) {
            journal.violation("no one uses a region, the module " + (profile.dies() ? "is gone" : "works")
                    + ", and close does not close");
        }
    }

    /** At rest, with nothing in anyone's hands, the manager's numbers are those of the oracle. */
    private void compareBooks() {
        PamtStats stats = manager.stats();
        journal.note(() -> "at rest: " + stats);
        requireEqual(
                "installed pairs", ownership.installedPairs(), stats.pairs().installed());
        requireEqual("lost pairs", ownership.lostPairs(), stats.pairs().lost());
        requireEqual("stranded pages", ownership.strandedPages(), stats.pages().stranded());
        requireEqual("allocated pages", 0, stats.pages().allocated());
        requireEqual("pairs in caches", 0, stats.pairs().cached());
        long pairs = stats.pairs().spare()
                + stats.pairs().installed()
                + stats.pairs().lost()
                + stats.pairs().setAside();
        requireEqual(
                "pages that the allocator has given",
                ownership.pagesOut(),
                2 * pairs + stats.pages().stranded());
        int idle = 0;
        for (int region = 0; region < ownership.regions(); region++) {
            RegionState.Kind kind = manager.state(ownership.regionHpa(region)).kind();
            idle += kind == RegionState.Kind.IDLE ? 1 : 0;
            boolean holds = ownership.held(region) != null;
            boolean unknown = kind == RegionState.Kind.UNKNOWN;
            if (kind == RegionState.Kind.BACKED
                    || holds != (kind == RegionState.Kind.IDLE)
                    || unknown != ownership.isUnknown(region)) {
                journal.violation("at rest region " + region + (holds ? " holds a pair" : " holds no pair")
                        + (ownership.isUnknown(region) ? " as far as is known" : "") + " and is " + kind);
            }
        }
        long mayBeIdle = profile.policy().idleRegions() + stats.calls().retryRegions();
        if (idle > mayBeIdle) {
            journal.violation("at rest " + idle + " regions are idle, of at most " + mayBeIdle);
        }
        if (ownership.idleChunks() > 1 + stats.pairs().setAside()) {
            journal.violation("at rest " + ownership.idleChunks() + " chunks have no user");
        }
    }

    private void requireClosed() {
        ownership.requireNothingKept();
        PamtStats stats = manager.stats();
        journal.note(() -> "closed: " + stats);
        requireEqual(
                "lost pairs after close",
                ownership.lostPairs() + ownership.installedPairs(),
                stats.pairs().lost() + stats.pairs().installed());
        requireEqual(
                "stranded pages after close",
                ownership.strandedPages(),
                stats.pages().stranded());
    }

    private void requireEqual(String what, long expected, long actual) {
        if (expected != actual) {
            journal.violation(what + ": " + expected + " by the oracle, " + actual + " by the manager");
        }
    }
}
