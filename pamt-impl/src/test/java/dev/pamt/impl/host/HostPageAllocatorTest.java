package dev.pamt.impl.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class HostPageAllocatorTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final long CHUNK = PageAllocator.CHUNK_BYTES;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    /** One MiB at the end of a region, three whole regions, and one page of a region. */
    private static final PhysicalRange RAGGED = PhysicalRange.between(MIB, 8 * MIB + PAGE);

    private static final int RAGGED_PAGES = 256 + 3 * 512 + 1;

    @Test
    void aThreadFillsARegionPageByPage() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        long first = allocator.allocPage();
        for (int i = 1; i < 512; i++) {
            assertEquals(first + i * PAGE, allocator.allocPage());
        }
        assertEquals(0, first % CHUNK);
        assertNotEquals(first, allocator.allocPage() & -CHUNK);
    }

    @Test
    void aFreedPageIsUsedAgainFirst() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        long[] pages = take(allocator, 700);
        allocator.freePage(pages[3]);
        assertEquals(pages[3], allocator.allocPage());
    }

    @Test
    void everyPageIsHandedOutOnceAndThenThereIsNone() {
        HostPageAllocator allocator = over(RAGGED);
        assertEquals(RAGGED_PAGES, allocator.totalPages());
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < RAGGED_PAGES; i++) {
            long page = allocator.allocPage();
            assertTrue(RAGGED.contains(new PhysicalRange(page, PAGE)), () -> Long.toHexString(page));
            assertTrue(seen.add(page));
            assertEquals(RAGGED_PAGES - i - 1, allocator.freePages());
        }
        assertEquals(PageAllocator.NONE, allocator.allocPage());
        assertEquals(PageAllocator.NONE, allocator.allocChunk());
    }

    @Test
    void regionsThatRamCoversInPartAreNeverChunks() {
        HostPageAllocator allocator = over(RAGGED);
        Set<Long> chunks = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            chunks.add(allocator.allocChunk());
        }
        assertEquals(Set.of(2 * MIB, 4 * MIB, 6 * MIB), chunks);
        assertEquals(PageAllocator.NONE, allocator.allocChunk());
        assertEquals(3 * 512, allocator.allocatedPages());
        assertEquals(257, take(allocator, 257).length);
        assertEquals(PageAllocator.NONE, allocator.allocPage());
    }

    @Test
    void aHoleInTheMiddleOfARegionIsNotHandedOut() {
        PhysicalRange low = PhysicalRange.between(2 * MIB, 3 * MIB);
        PhysicalRange high = PhysicalRange.between(3 * MIB + 4 * PAGE, 4 * MIB);
        HostPageAllocator allocator = new HostPageAllocator(List.of(low, high));
        Set<Long> pages = new HashSet<>();
        for (long page = allocator.allocPage(); page != PageAllocator.NONE; page = allocator.allocPage()) {
            pages.add(page);
        }
        assertEquals(512 - 4, pages.size());
        assertTrue(pages.stream().allMatch(page -> low.contains(page) || high.contains(page)));
        assertRefused("outside all memory", () -> allocator.freePage(3 * MIB + PAGE));
    }

    @Test
    void regionsWhosePagesHaveAllComeBackAreChunksAgain() {
        HostPageAllocator allocator = over(RAGGED);
        long[] pages = take(allocator, RAGGED_PAGES);
        shuffle(pages, new Random(1));
        for (long page : pages) {
            allocator.freePage(page);
        }
        assertEquals(0, allocator.allocatedPages());
        for (int i = 0; i < 3; i++) {
            assertNotEquals(PageAllocator.NONE, allocator.allocChunk());
        }
    }

    @Test
    void aPageOfARegionThatHasBeenClosedIsRefused() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        long[] pages = take(allocator, 1024);
        for (long page : pages) {
            allocator.freePage(page);
        }
        // One of the two regions is kept open for the next page; the other one is free as a whole.
        for (long page : pages) {
            assertThrows(IllegalArgumentException.class, () -> allocator.freePage(page));
        }
        assertEquals(0, allocator.allocatedPages());
    }

    @Test
    void theRegionThatAThreadKeepsOpenIsTheLastChunk() throws Exception {
        HostPageAllocator allocator = over(PhysicalRange.between(2 * MIB, 4 * MIB));
        allocator.freePage(allocator.allocPage());
        assertEquals(2 * MIB, allocator.allocChunk());
        assertEquals(
                512,
                CompletableFuture.supplyAsync(allocator::allocatedPages).get(20, TimeUnit.SECONDS),
                "for another thread as well");
        assertEquals(PageAllocator.NONE, allocator.allocChunk());
        allocator.freeChunk(2 * MIB);
        assertThrows(IllegalArgumentException.class, () -> allocator.freeChunk(2 * MIB));
        assertEquals(2 * MIB, allocator.allocPage());
    }

    @Test
    void anyNumberOfChunksComesBack() {
        for (int chunks : new int[] {16, 17, 32, 33, 34}) {
            HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
            long[] out = new long[chunks];
            Arrays.setAll(out, i -> allocator.allocChunk());
            for (long chunk : out) {
                allocator.freeChunk(chunk);
            }
            assertEquals(0, allocator.allocatedPages());
            assertEquals(out[chunks - 1], allocator.allocChunk());
        }
    }

    @Test
    void aRegionThatAThreadKeepsOpenIsAChunkAgainWhenTheThreadHasAnother() {
        HostPageAllocator allocator = over(PhysicalRange.between(2 * MIB, 6 * MIB));
        long[] pages = take(allocator, 513);
        allocator.freePage(pages[512]);
        allocator.freePage(pages[0]);
        assertEquals(pages[512] & -CHUNK, allocator.allocChunk());
        assertEquals(pages[0], allocator.allocPage());
    }

    @Test
    void anyNumberOfRegionsComesBack() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        for (long page : take(allocator, 70 * 512)) {
            allocator.freePage(page);
        }
        assertEquals(0, allocator.allocatedPages());
        assertEquals(512, takeAllChunks(allocator));
    }

    @Test
    void anAllocatorSaysWhatItHas() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        allocator.allocChunk();
        String text = allocator.toString();
        assertTrue(text.contains("262144") && text.contains("261632"), text);
    }

    @Test
    void chunksComeFromTheTopAndPagesFromBelow() {
        HostPageAllocator allocator =
                over(PhysicalRange.between(2 * MIB, 6 * MIB), PhysicalRange.between(4 * GIB, 4 * GIB + 4 * MIB));
        assertEquals(4 * GIB + 2 * MIB, allocator.allocChunk());
        assertEquals(2 * MIB, allocator.allocPage());
        assertEquals(4 * GIB, allocator.allocChunk());
        assertEquals(4 * MIB, allocator.allocChunk());
        assertEquals(PageAllocator.NONE, allocator.allocChunk());
        assertEquals(2 * MIB + PAGE, allocator.allocPage());
    }

    @Test
    void aChunkThatCameBackGivesPagesAgain() {
        HostPageAllocator allocator = over(PhysicalRange.between(2 * MIB, 4 * MIB));
        long chunk = allocator.allocChunk();
        assertEquals(PageAllocator.NONE, allocator.allocPage());
        allocator.freeChunk(chunk);
        assertEquals(chunk, allocator.allocPage());
    }

    @Test
    void aHostWithoutChunksGivesPagesOnly() {
        HostPageAllocator allocator = new HostPageAllocator(List.of(PhysicalRange.between(GIB, 2 * GIB)), false);
        assertEquals(PageAllocator.NONE, allocator.allocChunk());
        assertNotEquals(PageAllocator.NONE, allocator.allocPage());
    }

    @Test
    void whatWasNotHandedOutCannotBeGivenBack() {
        HostPageAllocator allocator = over(PhysicalRange.between(4 * GIB, 5 * GIB));
        long page = allocator.allocPage();
        long chunk = allocator.allocChunk();
        allocator.freePage(page);
        assertRefused("was given back before", () -> allocator.freePage(page));
        assertRefused("has not been allocated", () -> allocator.freePage(5 * GIB - GIB / 2));
        assertRefused("0x140000000 cannot be given back: it lies outside", () -> allocator.freePage(5 * GIB));
        assertRefused("no multiple of 0x1000", () -> allocator.freePage(page + 1));
        assertRefused("it lies in a chunk", () -> allocator.freePage(chunk + PAGE));
        assertRefused("has not been allocated as a chunk", () -> allocator.freeChunk(page));
        assertRefused("no multiple of 0x200000", () -> allocator.freeChunk(chunk + PAGE));
        allocator.freeChunk(chunk);
        assertRefused("was given back before", () -> allocator.freeChunk(chunk));
        assertEquals(0, allocator.allocatedPages());
    }

    @Test
    void addressesThatNoMemoryHasAreRefused() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        PhysicalRange bottom = PhysicalRange.between(0, CHUNK);
        PhysicalRange top = PhysicalRange.between((1L << 52) - GIB, 1L << 52);
        for (HostPageAllocator allocator : List.of(over(), over(bottom), over(top), over(bottom, top))) {
            take(allocator, 3);
            allocator.allocChunk();
            long allocated = allocator.allocatedPages();
            List<Long> strays = new ArrayList<>(
                    List.of(0x7FFF_FFFF_FFE0_0000L, Long.MIN_VALUE, -CHUNK, -GIB, -top.baseHpa(), GIB, top.endHpa()));
            for (int i = 0; i < 1000; i++) {
                // Somewhere outside, as often near an end as in the middle.
                strays.add((random.nextLong() >> random.nextInt(64) ^ Long.MIN_VALUE) & -CHUNK);
                strays.add((top.endHpa() << random.nextInt(11)) + CHUNK * random.nextInt(1 << 20));
            }
            for (long stray : strays) {
                try {
                    assertRefused("outside all memory", () -> allocator.freePage(stray));
                    assertRefused("outside all memory", () -> allocator.freeChunk(stray));
                } catch (AssertionError e) {
                    throw new AssertionError("seed " + seed + ", 0x" + Long.toHexString(stray), e);
                }
            }
            for (long unaligned : new long[] {PageAllocator.NONE, Long.MAX_VALUE, Long.MIN_VALUE + 1}) {
                assertRefused("no multiple of 0x1000", () -> allocator.freePage(unaligned));
                assertRefused("no multiple of 0x200000", () -> allocator.freeChunk(unaligned));
            }
            assertEquals(allocated, allocator.allocatedPages(), () -> "seed " + seed);
        }
    }

    @Test
    void whatNobodyTouchesCostsNothing() {
        Runtime runtime = Runtime.getRuntime();
        System.gc();
        long before = runtime.totalMemory() - runtime.freeMemory();
        HostPageAllocator[] allocators = new HostPageAllocator[16];
        Arrays.setAll(allocators, i -> over(PhysicalRange.between(GIB, 1L << 46)));
        System.gc();
        long bytes = (runtime.totalMemory() - runtime.freeMemory() - before) / allocators.length;
        assertTrue(bytes < 1 << 20, "64 TiB cost " + bytes + " bytes");
        assertEquals(((1L << 46) - GIB) / PAGE, allocators[0].freePages());
    }

    @Test
    void randomCallsAgreeWithAModel() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        HostPageAllocator allocator = over(RAGGED, PhysicalRange.between(GIB + 5 * MIB, GIB + 12 * MIB));
        long total = allocator.totalPages();
        List<Long> pages = new ArrayList<>();
        List<Long> chunks = new ArrayList<>();
        Set<Long> handedOut = new HashSet<>();
        int towards = 0;
        for (int step = 0; step < 60_000; step++) {
            if (step % 3000 == 0) {
                towards = random.nextInt(10);
            }
            String at = "seed " + seed + ", step " + step;
            if (random.nextInt(10) < towards) {
                boolean chunk = random.nextInt(200) == 0;
                long hpa = chunk ? allocator.allocChunk() : allocator.allocPage();
                if (hpa == PageAllocator.NONE) {
                    assertTrue(chunk || handedOut.size() == total, at);
                } else {
                    (chunk ? chunks : pages).add(hpa);
                    for (int i = 0; i < (chunk ? 512 : 1); i++) {
                        assertTrue(handedOut.add(hpa + i * PAGE), at);
                    }
                }
            } else if (random.nextInt(200) == 0 && !chunks.isEmpty()) {
                long chunk = chunks.remove(random.nextInt(chunks.size()));
                allocator.freeChunk(chunk);
                for (int i = 0; i < 512; i++) {
                    handedOut.remove(chunk + i * PAGE);
                }
            } else if (!pages.isEmpty()) {
                long page = pages.remove(random.nextInt(pages.size()));
                allocator.freePage(page);
                handedOut.remove(page);
                assertRefused("cannot be given back", () -> allocator.freePage(page));
            }
            assertEquals(handedOut.size(), allocator.allocatedPages(), at);
        }
        pages.forEach(allocator::freePage);
        chunks.forEach(allocator::freeChunk);
        assertEquals(total, allocator.freePages(), () -> "seed " + seed);
        assertEquals(6, takeAllChunks(allocator), () -> "seed " + seed);
    }

    @Test
    void noPageIsHandedOutTwiceWhenThreadsCompete() throws Exception {
        long seed = new Random().nextLong();
        int threads = 6;
        // Less memory than the threads want, so that they also take from each other.
        HostPageAllocator allocator = over(RAGGED, PhysicalRange.between(GIB, GIB + 20 * MIB));
        Set<Long> handedOut = ConcurrentHashMap.newKeySet();
        CyclicBarrier start = new CyclicBarrier(threads);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<?>> results = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            Random random = new Random(seed + t);
            results.add(executor.submit(() -> {
                start.await();
                for (int round = 0; round < 30; round++) {
                    churn(allocator, handedOut, random);
                }
                return null;
            }));
        }
        for (Future<?> result : results) {
            result.get();
        }
        executor.shutdown();
        assertEquals(Set.of(), handedOut, () -> "seed " + seed);
        assertEquals(allocator.totalPages(), allocator.freePages(), () -> "seed " + seed);
        assertEquals(13, takeAllChunks(allocator), () -> "seed " + seed);
    }

    private static void churn(HostPageAllocator allocator, Set<Long> handedOut, Random random) {
        long[] pages = new long[random.nextInt(1, 2500)];
        int taken = 0;
        long chunk = random.nextBoolean() ? allocator.allocChunk() : PageAllocator.NONE;
        if (chunk != PageAllocator.NONE) {
            for (int i = 0; i < 512; i++) {
                assertTrue(handedOut.add(chunk + i * PAGE));
            }
        }
        while (taken < pages.length && (pages[taken] = allocator.allocPage()) != PageAllocator.NONE) {
            assertTrue(handedOut.add(pages[taken]));
            taken++;
        }
        pages = Arrays.copyOf(pages, taken);
        shuffle(pages, random);
        for (long page : pages) {
            assertTrue(handedOut.remove(page));
            allocator.freePage(page);
        }
        if (chunk != PageAllocator.NONE) {
            for (int i = 0; i < 512; i++) {
                assertTrue(handedOut.remove(chunk + i * PAGE));
            }
            allocator.freeChunk(chunk);
        }
    }

    private static HostPageAllocator over(PhysicalRange... memory) {
        return new HostPageAllocator(List.of(memory));
    }

    private static long[] take(HostPageAllocator allocator, int count) {
        long[] pages = new long[count];
        Arrays.setAll(pages, i -> allocator.allocPage());
        return pages;
    }

    private static int takeAllChunks(HostPageAllocator allocator) {
        int chunks = 0;
        while (allocator.allocChunk() != PageAllocator.NONE) {
            chunks++;
        }
        return chunks;
    }

    private static void shuffle(long[] pages, Random random) {
        for (int i = pages.length - 1; i > 0; i--) {
            int other = random.nextInt(i + 1);
            long page = pages[i];
            pages[i] = pages[other];
            pages[other] = page;
        }
    }

    private static void assertRefused(String why, Runnable call) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, call::run);
        assertTrue(refusal.getMessage().contains(why), refusal::getMessage);
    }
}
