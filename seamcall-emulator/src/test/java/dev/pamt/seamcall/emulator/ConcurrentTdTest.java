package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Two processors change one TD's memory at random, and the pairs below it, while its vCPU accepts and accesses pages. What must
 * hold when all is quiet: page counts, child count, bitmap, no lock held.
 */
@Timeout(60)
class ConcurrentTdTest {
    private static final long RUN_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final int CALLS = 4000;
    private static final int MAX_LATENCY_NANOS = 3000;
    private static final int PROCESSORS = 2;

    /** The regions that calls are about; the one of the TD's own pages is before, the first pairs come from beyond. */
    private static final int FIRST = 6;

    private static final int REGIONS = 4;
    private static final int LAST_REGION = 20;
    private static final int ROOT_LEVEL = 3;
    private static final long SEPT_ENTRY_LOCK = 1L << 11;
    private static final long SEPT_ENTRY_LEAF = 1L << 7;
    private static final long SEPT_ENTRY_FREE = 0xE0L << 48;

    /** The bits of an entry that hold an address of this host, without the key id. */
    private static final long HPA_BITS = (1L << 36) - PageLevel.SIZE_4K.bytes();

    private static final Set<Integer> FATAL_RACES = Set.of(343, 339, 201);

    private final AtomicIntegerArray succeeded = new AtomicIntegerArray(64);

    @Test
    void aTdStaysConsistent() throws Exception {
        long seed = System.nanoTime();
        System.out.println("ConcurrentTdTest seed " + seed);
        SplittableRandom random = new SplittableRandom(seed);
        ExecutorService threads = Executors.newFixedThreadPool(PROCESSORS);
        long end = System.nanoTime() + RUN_NANOS;
        int quiet = 0;
        while (System.nanoTime() < end) {
            quiet += round(threads, random) ? 1 : 0;
        }
        threads.shutdown();
        assertTrue(quiet > 3, "every round ended in a fatal error");
        for (SeamcallLeaf leaf : List.of(
                SeamcallLeaf.MEM_PAGE_AUG,
                SeamcallLeaf.MEM_PAGE_REMOVE,
                SeamcallLeaf.MEM_PAGE_DEMOTE,
                SeamcallLeaf.MEM_PAGE_RELOCATE,
                SeamcallLeaf.MEM_RANGE_BLOCK,
                SeamcallLeaf.MEM_SEPT_ADD,
                SeamcallLeaf.MEM_SEPT_REMOVE,
                SeamcallLeaf.PHYMEM_PAMT_ADD,
                SeamcallLeaf.PHYMEM_PAMT_REMOVE)) {
            assertTrue(succeeded.get(leaf.number()) > 0, () -> leaf + " never succeeded");
        }
    }

    /** Runs calls on a machine of its own; whether it ended without a fatal error. */
    private boolean round(ExecutorService threads, SplittableRandom random) throws Exception {
        SplittableRandom guest = random.split();
        EmulatorConfig.Builder config = TestHost.config().guests(vcpu -> guestAction(guest));
        if (random.nextBoolean()) {
            // Spent between the checks of a call and its effects.
            config.latencyNanos(random.nextInt(MAX_LATENCY_NANOS));
        }
        TestHost host = TestHost.ready(config.build(), true, RacePoint.Listener.none());
        TestTd td = new TestTd(host);
        List<Callable<Void>> programs = List.of(program(host, 0, random.split()), program(host, 1, random.split()));
        for (Future<Void> done : threads.invokeAll(programs)) {
            done.get();
        }
        if (host.machine.fatal().isPresent()) {
            int id = host.machine.fatal().get().id();
            assertTrue(FATAL_RACES.contains(id), () -> "fatal error " + id);
            return false;
        }
        new Invariants(host, td).check();
        return true;
    }

    private Callable<Void> program(TestHost host, int processor, SplittableRandom random) {
        return () -> {
            SeamcallRegisters regs = new SeamcallRegisters();
            try {
                for (int i = 0; i < CALLS; i++) {
                    step(host, processor, random, regs);
                }
            } catch (SeamcallUnavailableException e) {
                assertTrue(host.machine.fatal().isPresent(), "unavailable without a fatal error");
            }
            return null;
        };
    }

    private void step(TestHost host, int processor, SplittableRandom random, SeamcallRegisters regs) {
        SeamcallLeaf leaf = processor == 0 && random.nextInt(8) == 0 ? SeamcallLeaf.VP_ENTER : anyLeaf(random);
        regs.clear();
        regs.rdx = TDR;
        switch (leaf) {
            case VP_ENTER -> regs.rcx = TestTd.TDVPR;
            case MEM_TRACK -> regs.rcx = TDR;
            case PHYMEM_PAMT_ADD -> {
                regs.rcx = PageLevel.SIZE_2M.encode(anyRegion(random));
                regs.rdx = pairPage(random);
                regs.r8 = pairPage(random);
            }
            case PHYMEM_PAMT_REMOVE -> regs.rcx = PageLevel.SIZE_2M.encode(anyRegion(random));
            case MEM_PAGE_RELOCATE -> {
                regs.rcx = gpa4k(random);
                regs.r8 = anyPage(random);
            }
            case MEM_SEPT_ADD, MEM_SEPT_REMOVE -> {
                regs.rcx = PageLevel.SIZE_2M.encode(gpa2m(random));
                regs.r8 = anyPage(random);
            }
            default -> {
                boolean large = leaf == SeamcallLeaf.MEM_PAGE_DEMOTE
                        || leaf == SeamcallLeaf.MEM_PAGE_PROMOTE
                        || random.nextBoolean();
                regs.rcx = large ? PageLevel.SIZE_2M.encode(gpa2m(random)) : gpa4k(random);
                regs.r8 = large && leaf == SeamcallLeaf.MEM_PAGE_AUG ? anyRegion(random) : anyPage(random);
                regs.r9 = -1;
                regs.r10 = -1;
                regs.r11 = -1;
                regs.r12 = pairPage(random);
                regs.r13 = pairPage(random);
            }
        }
        if (host.machine.processor(processor).seamcall(leaf.rax(), regs) == TdxStatus.SUCCESS.code()) {
            succeeded.incrementAndGet(leaf.number());
        }
    }

    private static SeamcallLeaf anyLeaf(SplittableRandom random) {
        return switch (random.nextInt(14)) {
            case 0, 1 -> SeamcallLeaf.MEM_PAGE_AUG;
            case 2 -> SeamcallLeaf.MEM_PAGE_REMOVE;
            case 3 -> SeamcallLeaf.MEM_PAGE_DEMOTE;
            case 4 -> SeamcallLeaf.MEM_PAGE_PROMOTE;
            case 5 -> SeamcallLeaf.MEM_PAGE_RELOCATE;
            case 6, 7 -> SeamcallLeaf.MEM_RANGE_BLOCK;
            case 8 -> SeamcallLeaf.MEM_RANGE_UNBLOCK;
            case 9 -> SeamcallLeaf.MEM_TRACK;
            case 10 -> SeamcallLeaf.MEM_SEPT_ADD;
            case 11 -> SeamcallLeaf.MEM_SEPT_REMOVE;
            case 12 -> SeamcallLeaf.PHYMEM_PAMT_ADD;
            default -> SeamcallLeaf.PHYMEM_PAMT_REMOVE;
        };
    }

    private static GuestAction guestAction(SplittableRandom random) {
        return switch (random.nextInt(5)) {
            case 0 -> new GuestAction.Accept(gpa4k(random), PageLevel.SIZE_4K);
            case 1 -> new GuestAction.Accept(gpa2m(random), PageLevel.SIZE_2M);
            case 2 -> new GuestAction.Access(gpa4k(random), AccessKind.WRITE);
            case 3 -> new GuestAction.GetVeInfo();
            default -> new GuestAction.Vmcall();
        };
    }

    private static long gpa2m(SplittableRandom random) {
        return random.nextInt(3) * PageLevel.SIZE_2M.bytes();
    }

    private static long gpa4k(SplittableRandom random) {
        return gpa2m(random) + random.nextInt(2) * PageLevel.SIZE_4K.bytes();
    }

    private static long anyRegion(SplittableRandom random) {
        return region(FIRST + random.nextInt(REGIONS));
    }

    private static long anyPage(SplittableRandom random) {
        return page(FIRST + random.nextInt(REGIONS), random.nextInt(3));
    }

    private static long pairPage(SplittableRandom random) {
        return page(FIRST + REGIONS + random.nextInt(2), random.nextInt(6));
    }

    /** What RDMD says of every page. */
    private static final class Invariants {
        private final TestHost host;
        private final TestTd td;
        private final Set<Long> pairPages = new HashSet<>();
        private long children;

        Invariants(TestHost host, TestTd td) {
            this.host = host;
            this.td = td;
        }

        void check() {
            for (int number = 1; number <= LAST_REGION; number++) {
                checkRegion(number);
            }
            for (int number = 1; number <= LAST_REGION; number++) {
                for (int i = 0; i < 512; i++) {
                    long page = page(number, i);
                    assertEquals(pairPages.contains(page), host.donated(page), "bitmap bit");
                }
            }
            Td inside = host.machine.module().tds().at(TDR);
            assertEquals(children, inside.childPages(), "child pages");
            long ownPages = TestTd.CONTROL_PAGES + 1 + TestTd.VCPU_CONTROL_PAGES;
            assertEquals(children, ownPages + mapped(inside.septRootHpa(0), ROOT_LEVEL), "pages in the Secure EPT");
            assertEquals(0, inside.locks()[Td.OP_STATE_LOCK] & ~2, "OP_STATE lock");
            assertEquals(0, inside.locks()[Td.SEPT_TREE_LOCK] & ~2, "SEPT tree lock");
            assertEquals(0, inside.epochLock().raw(), "epoch lock");
            TestHost.expect(TdxStatus.SUCCESS, td.call(SeamcallLeaf.MEM_TRACK, TDR, 0, 0));
        }

        /** How many 4K pages a Secure EPT page leads to, tables included. */
        private long mapped(long table, int level) {
            long pages = 0;
            for (int i = 0; i < 512; i++) {
                long entry = host.machine.memory().read64(table + i * 8L);
                if ((entry & SEPT_ENTRY_FREE) == SEPT_ENTRY_FREE) {
                    continue;
                }
                assertEquals(0, entry & SEPT_ENTRY_LOCK, "Secure EPT entry lock");
                pages += (entry & SEPT_ENTRY_LEAF) != 0 ? 1L << (9 * level) : 1 + mapped(entry & HPA_BITS, level - 1);
            }
            return pages;
        }

        private void checkRegion(int number) {
            assertEquals(0, host.entry2m(number, 0) & 0xFFFD, "PAMT_2M lock");
            int type = (int) (host.entry2m(number, 0) >>> 16) & 31;
            if (type == PageType.REG) {
                children += 512;
            } else if (type == PageType.PAMT) {
                assertTrue(pairPages.add(host.entry2m(number, 0) >>> 28 << 12), "a page of two pairs");
                assertTrue(pairPages.add(host.entry2m(number, 1) >>> 28 << 12), "a page of two pairs");
                assertEquals(usedPages(number), host.entry2m(number, 1) & 0x3FF, "page count");
            }
        }

        private long usedPages(int number) {
            long used = 0;
            for (int i = 0; i < 512; i++) {
                TestHost.expect(TdxStatus.SUCCESS, host.rdmd(page(number, i)));
                int type = (int) host.regs.rcx;
                if (type != PageType.NDA && type != PageType.PAMT) {
                    used++;
                    children += type == PageType.TDR ? 0 : 1;
                }
            }
            return used;
        }
    }
}
