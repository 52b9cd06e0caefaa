package dev.pamt.impl.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;

/** No memory of the host is lost, and no lock stays held, wherever in the allocator the heap runs out. */
class HostPageAllocatorHeapTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    /** Regions that RAM covers in part, in the first and in the third GiB, and 24 whole ones in three intervals. */
    private static final PhysicalRange[] MEMORY = {
        PhysicalRange.between(MIB, 6 * MIB + PAGE),
        PhysicalRange.between(GIB, GIB + 4 * MIB),
        PhysicalRange.between(2 * GIB - 2 * MIB, 2 * GIB + 39 * MIB)
    };

    private static final int WHOLE_REGIONS = 2 + 2 + 20;
    private static final int PAGES = (256 + 2 * 512 + 1) + 2 * 512 + (20 * 512 + 256);

    @Test
    void nothingIsLostWhereverTheHeapRunsOut() {
        int allocations = 0;
        AtomicInteger left = new AtomicInteger();
        do {
            Host host = new Host();
            left.set(allocations);
            DryHeap.whenever(
                    what -> !what.equals(DryHeap.QUEUE_ENTRY) && left.getAndDecrement() == 0,
                    () -> host.callAtRandom(new Random(7), 300));
            host.checkThatAllCanBeTaken("allocation " + allocations + " of 300 calls failed");
            allocations++;
        } while (left.get() < 0);
        assertTrue(allocations > 50, allocations + " allocations");
    }

    @Test
    void nothingIsLostWhenTheHeapRunsOutAgainAndAgain() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 10; round++) {
            Host host = new Host();
            int oneIn = random.nextInt(2, 10);
            DryHeap.whenever(what -> random.nextInt(oneIn) == 0, () -> host.callAtRandom(random, 1_000));
            host.checkThatAllCanBeTaken("seed " + seed + ", round " + round);
        }
    }

    @Test
    void allCanBeGivenBackWithoutAnyHeap() {
        for (boolean chunksFirst : new boolean[] {false, true}) {
            Host host = new Host();
            host.takeAll(chunksFirst);
            Collections.shuffle(host.pages, new Random(3));
            DryHeap.whenever(what -> true, () -> {
                host.pages.forEach(host.allocator::freePage);
                host.chunks.forEach(host.allocator::freeChunk);
                assertEquals(PAGES, host.heap.freePages());
            });
            host.pages.clear();
            host.chunks.clear();
            host.checkThatAllCanBeTaken("given back without heap");
        }
    }

    @Test
    void threadsThatFindNoHeapToQueueForALockStillExcludeEachOther() throws Exception {
        int threads = 4;
        Host host = new Host();
        Set<Long> handedOut = ConcurrentHashMap.newKeySet();
        CyclicBarrier start = new CyclicBarrier(threads);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<?>> results = new ArrayList<>();
        DryHeap.whenever(what -> ThreadLocalRandom.current().nextBoolean(), () -> {
            for (int t = 0; t < threads; t++) {
                results.add(executor.submit(() -> {
                    start.await();
                    for (int round = 0; round < 20; round++) {
                        churn(host.allocator, handedOut);
                    }
                    return null;
                }));
            }
            results.forEach(HostPageAllocatorHeapTest::await);
        });
        executor.shutdown();
        assertEquals(Set.of(), handedOut);
        host.checkThatAllCanBeTaken("after the threads");
    }

    private static void churn(PageAllocator allocator, Set<Long> handedOut) {
        List<Long> mine = new ArrayList<>();
        for (int i = ThreadLocalRandom.current().nextInt(1_500); i > 0; i--) {
            try {
                long page = allocator.allocPage();
                if (page != PageAllocator.NONE) {
                    assertTrue(handedOut.add(page));
                    mine.add(page);
                }
            } catch (OutOfMemoryError dry) {
                Thread.onSpinWait();
            }
        }
        for (long page : mine) {
            assertTrue(handedOut.remove(page));
            allocator.freePage(page);
        }
    }

    private static void await(Future<?> result) {
        try {
            result.get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** An allocator, and what a test has taken from it. */
    private static final class Host {
        private final DryHeap heap = new DryHeap(MEMORY);
        private final PageAllocator allocator = heap.allocator();
        private final List<Long> pages = new ArrayList<>();
        private final List<Long> chunks = new ArrayList<>();

        /** Takes and gives back, mostly takes at first and gives back later; after each call the books are right. */
        void callAtRandom(Random random, int calls) {
            for (int call = 0; call < calls; call++) {
                boolean takes = random.nextInt(calls) > call * 3 / 4;
                try {
                    if (random.nextInt(3) == 0) {
                        callForAChunk(takes);
                    } else {
                        callForPages(takes, random);
                    }
                } catch (OutOfMemoryError dry) {
                    assertTrue(takes, "giving back allocates nothing");
                }
                assertEquals(PAGES, heap.freePages() + pages.size() + 512L * chunks.size(), "free and handed out");
            }
        }

        private void callForAChunk(boolean takes) {
            if (takes) {
                long chunk = allocator.allocChunk();
                if (chunk != PageAllocator.NONE) {
                    chunks.add(chunk);
                }
            } else if (!chunks.isEmpty()) {
                allocator.freeChunk(chunks.get(chunks.size() - 1));
                chunks.remove(chunks.size() - 1);
            }
        }

        /** Many at once, so that regions fill, and become empty again. */
        private void callForPages(boolean takes, Random random) {
            for (int i = random.nextInt(400); i > 0; i--) {
                if (takes) {
                    long page = allocator.allocPage();
                    if (page == PageAllocator.NONE) {
                        return;
                    }
                    pages.add(page);
                } else if (!pages.isEmpty()) {
                    int which = random.nextInt(pages.size());
                    allocator.freePage(pages.get(which));
                    pages.set(which, pages.get(pages.size() - 1));
                    pages.remove(pages.size() - 1);
                }
            }
        }

        void takeAll(boolean chunksFirst) {
            if (chunksFirst) {
                takeUntilNone(allocator::allocChunk, chunks);
            }
            takeUntilNone(allocator::allocPage, pages);
        }

        private static void takeUntilNone(LongSupplier call, List<Long> taken) {
            for (long hpa = call.getAsLong(); hpa != PageAllocator.NONE; hpa = call.getAsLong()) {
                taken.add(hpa);
            }
        }

        /** Gives all back that is out, and takes all that there is: as chunks and the rest, then as pages. */
        void checkThatAllCanBeTaken(String when) {
            for (boolean chunksFirst : new boolean[] {true, false}) {
                pages.forEach(allocator::freePage);
                chunks.forEach(allocator::freeChunk);
                pages.clear();
                chunks.clear();
                assertEquals(PAGES, heap.freePages(), when);
                takeAll(chunksFirst);
                assertEquals(chunksFirst ? WHOLE_REGIONS : 0, chunks.size(), when);
                Set<Long> all = new HashSet<>(pages);
                for (long chunk : chunks) {
                    for (int i = 0; i < 512; i++) {
                        all.add(chunk + i * PAGE);
                    }
                }
                assertEquals(PAGES, all.size(), when);
                assertEquals(PAGES, pages.size() + 512 * chunks.size(), when);
            }
        }
    }
}
