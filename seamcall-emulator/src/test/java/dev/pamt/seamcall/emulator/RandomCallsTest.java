package dev.pamt.seamcall.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.junit.jupiter.api.Test;

/**
 * Random calls: useful ones, ones with something wrong, and garbage. Nothing but a fatal error escapes, the module's
 * structures agree when all is quiet, and a call that failed has changed nothing.
 *
 * <p>{@code -Drandom.calls=10000000} makes that many, {@code -Drandom.seed} repeats a run on one processor.
 */
class RandomCallsTest {
    private static final long CALLS = Long.getLong("random.calls", 200_000);
    private static final long SEED = Long.getLong("random.seed", System.nanoTime());
    private static final int CALLS_PER_ROUND = 12_500;
    private static final int CALLS_BETWEEN_CHECKS = 500;

    /** What races between calls that a host must not let run at once come to. */
    private static final Set<Integer> FATAL_RACES = Set.of(343, 339, 201);

    /** A host that lets none of these run beside one of {@link #NOT_BESIDE} never meets a fatal error. */
    private static final Set<SeamcallLeaf> ALONE =
            EnumSet.of(SeamcallLeaf.PHYMEM_PAMT_REMOVE, SeamcallLeaf.MEM_PAGE_AUG);

    private static final Set<SeamcallLeaf> NOT_BESIDE = EnumSet.of(
            SeamcallLeaf.MEM_PAGE_REMOVE,
            SeamcallLeaf.MEM_PAGE_DEMOTE,
            SeamcallLeaf.MEM_PAGE_PROMOTE,
            SeamcallLeaf.MEM_PAGE_RELOCATE,
            SeamcallLeaf.MEM_SEPT_REMOVE);

    private final CyclicBarrier together = new CyclicBarrier(2);
    private final LongAdder calls = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final Map<SeamcallLeaf, LongAdder> succeeded = new ConcurrentSkipListMap<>();
    private final Map<Integer, Integer> fatals = new TreeMap<>();

    @Test
    void aFailedCallChangesNothing() {
        System.out.println("RandomCallsTest, one processor at a time: seed " + SEED);
        SplittableRandom seeds = new SplittableRandom(SEED);
        while (calls.sum() < CALLS / 4) {
            long seed = seeds.nextLong();
            TestHost host = host(seed, 2);
            ModuleAudit audit = new ModuleAudit(host);
            SplittableRandom random = new SplittableRandom(seed);
            RandomCalls[] processors = {
                new RandomCalls(host, 0, random.split()), new RandomCalls(host, 1, random.split())
            };
            long[] before = audit.digest();
            for (int i = 0; i < CALLS_PER_ROUND; i++) {
                int processor = random.nextInt(2);
                RandomCalls call = processors[processor];
                call.next();
                String words = call.toString();
                boolean removal = call.rax() == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax();
                boolean removable = removal && isRemovable(audit, call.regs().rcx);
                long status = run(host, processor, call);
                assertTrue(host.machine.fatal().isEmpty(), words);
                if (removal) {
                    assertEquals(removable, status == 0, words);
                }
                long[] after = audit.digest();
                // Interrupted ones have done a part; a guest inside has done what it did.
                if (TdxStatus.isError(status)
                        && !TdxStatus.INTERRUPTED_RESUMABLE.matches(status)
                        && call.leaf() != SeamcallLeaf.VP_ENTER) {
                    ModuleAudit.assertSame(before, after, words + " -> " + TdxStatus.toString(status));
                }
                before = after;
                if (i % CALLS_BETWEEN_CHECKS == 0) {
                    audit.check();
                }
            }
            audit.check();
        }
        report();
    }

    private static boolean isRemovable(ModuleAudit audit, long rcx) {
        long region = (rcx & ~1L) - TestHost.TDMR;
        return (rcx & 1) != 0
                && region >= 0
                && region < TestHost.TDMR_BYTES
                && region % PageLevel.SIZE_2M.bytes() == 0
                && audit.isRemovable((int) (region / PageLevel.SIZE_2M.bytes()));
    }

    @Test
    void twoProcessorsLeaveTheModuleConsistent() throws Exception {
        System.out.println("RandomCallsTest, two processors: seed " + SEED);
        SplittableRandom seeds = new SplittableRandom(SEED);
        ExecutorService threads = Executors.newFixedThreadPool(2);
        int rounds = 0;
        while (calls.sum() < CALLS) {
            round(threads, seeds.nextLong(), rounds++ % 2 == 0);
        }
        threads.shutdown();
        report();
        Set<SeamcallLeaf> never = EnumSet.of(
                SeamcallLeaf.MNG_CREATE,
                SeamcallLeaf.MR_FINALIZE,
                SeamcallLeaf.MEM_PAGE_AUG,
                SeamcallLeaf.MEM_PAGE_REMOVE,
                SeamcallLeaf.MNG_KEY_FREEID,
                SeamcallLeaf.PHYMEM_PAGE_RECLAIM,
                SeamcallLeaf.PHYMEM_PAMT_REMOVE);
        never.removeAll(succeeded.keySet());
        assertTrue(never.isEmpty(), () -> "never succeeded: " + never);
    }

    /** Runs calls on a machine of its own; a careful host keeps calls apart whose races are fatal. */
    private void round(ExecutorService threads, long seed, boolean careful) throws Exception {
        // Of one package, so that a processor that is ahead does not wait for the other.
        TestHost host = host(seed, 1);
        SplittableRandom random = new SplittableRandom(seed);
        ReentrantReadWriteLock care = new ReentrantReadWriteLock();
        List<Callable<Void>> programs = List.of(
                program(host, 0, random.split(), careful ? care : null),
                program(host, 1, random.split(), careful ? care : null));
        for (Future<Void> done : threads.invokeAll(programs)) {
            done.get();
        }
        if (host.machine.fatal().isPresent()) {
            FatalError fatal = host.machine.fatal().get();
            fatals.merge(fatal.id(), 1, Integer::sum);
            assertTrue(!careful && FATAL_RACES.contains(fatal.id()), () -> fatal + ", round seed " + seed);
            return;
        }
        new ModuleAudit(host).check();
    }

    private Callable<Void> program(TestHost host, int processor, SplittableRandom random, ReentrantReadWriteLock care) {
        return () -> {
            RandomCalls call = new RandomCalls(host, processor, random);
            together.await();
            for (int i = 0; i < CALLS_PER_ROUND && host.machine.fatal().isEmpty(); i++) {
                call.next();
                Lock lock = care == null ? null : lockFor(call.leaf(), care);
                if (lock != null) {
                    lock.lock();
                }
                try {
                    run(host, processor, call);
                } catch (SeamcallUnavailableException e) {
                    assertTrue(host.machine.fatal().isPresent(), "unavailable without a fatal error");
                    break;
                } catch (RuntimeException e) {
                    throw new AssertionError("escaped from " + call, e);
                } finally {
                    if (lock != null) {
                        lock.unlock();
                    }
                }
            }
            return null;
        };
    }

    private static Lock lockFor(SeamcallLeaf leaf, ReentrantReadWriteLock care) {
        if (leaf == null) {
            return null;
        }
        return ALONE.contains(leaf) ? care.writeLock() : NOT_BESIDE.contains(leaf) ? care.readLock() : null;
    }

    private long run(TestHost host, int processor, RandomCalls call) {
        SeamcallLeaf leaf = call.leaf();
        long status = host.machine.processor(processor).seamcall(call.rax(), call.regs());
        calls.increment();
        if (TdxStatus.isError(status)) {
            failed.increment();
        } else if (leaf != null) {
            succeeded.computeIfAbsent(leaf, l -> new LongAdder()).increment();
        }
        return status;
    }

    private void report() {
        System.out.printf(
                "  %,d calls, %,d failed, fatal errors of careless hosts %s, succeeded %s%n",
                calls.sum(), failed.sum(), fatals, succeeded);
    }

    private static TestHost host(long seed, int packages) {
        AtomicLong polls = new AtomicLong();
        AtomicLong actions = new AtomicLong(seed);
        TestHost host = TestHost.ready(
                TestHost.config()
                        .packages(packages)
                        .interrupts(processor -> polls.incrementAndGet() % 31 == 0)
                        .guests(vcpu -> RandomCalls.guestAction(new SplittableRandom(actions.incrementAndGet())))
                        .build(),
                true,
                RacePoint.Listener.none());
        RandomCalls.writeParams(host);
        return host;
    }
}
