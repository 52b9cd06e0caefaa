package dev.pamt.tck;

import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.pamt.api.PageAllocator;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link PageAllocator} must do: the rules PA-1 to PA-7. Extend it, and give an allocator.
 *
 * <p>A failure begins with the rule that is broken. What the allocator has not (chunks, or single pages) is skipped. Random calls
 * print their seed with a failure.
 */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class PageAllocatorContractTest {
    /** The most pages that an allocator under test may have. */
    protected static final int MAX_PAGES = 1 << 17;

    private static final int PAGES_PER_CHUNK = (int) (PageAllocator.CHUNK_BYTES / PageAllocator.PAGE_BYTES);
    private static final long FIRST_IMPOSSIBLE_HPA = 1L << 52;
    private static final int THREADS = 4;
    private static final int MOST_PAGES_AT_A_TIME = 350;
    private static final int RANDOM_CALLS = 20_000;
    private static final int ROUNDS_ALONE = 100;
    private static final long COMPETITION_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private PageAllocator allocator;

    /** Makes the test; JUnit does. */
    protected PageAllocatorContractTest() {}

    /**
     * Makes the allocator under test.
     *
     * @return an allocator that has handed nothing out, with at least 4 pages or 2 chunks, and {@link #MAX_PAGES} pages at most
     */
    protected abstract PageAllocator newAllocator();

    /**
     * Whether any number of threads may call the allocator at once. An allocator that only one thread ever calls, as in some
     * tests, says no, and rule PA-6 is skipped.
     *
     * @return true, unless overridden
     */
    protected boolean isThreadSafe() {
        return true;
    }

    /**
     * For how long no call may end before the calls count as stuck.
     *
     * @return a time that a slow machine does not need
     */
    protected Duration patience() {
        return Duration.ofSeconds(10);
    }

    @BeforeEach
    void makeAllocator() {
        allocator = newAllocator();
    }

    /** What is out, page by page. */
    private final class Out {
        /** The rule that is broken by a page with two owners. */
        private final String rule;

        private final Set<Long> pagesOut;
        private final List<Long> pages = new ArrayList<>();
        private final List<Long> chunks = new ArrayList<>();

        Out(String rule, Set<Long> pagesOut) {
            this.rule = rule;
            this.pagesOut = pagesOut;
        }

        Out() {
            this("PA-3", new HashSet<>());
        }

        boolean takePage() {
            long hpa = allocate("allocPage", allocator::allocPage);
            if (hpa == PageAllocator.NONE) {
                return false;
            }
            if (!isPossible(hpa, PageAllocator.PAGE_BYTES)) {
                throw BrokenRule.of("PA-1", "allocPage has returned 0x%x, which is no 4K page within 52 bits", hpa);
            }
            if (!pagesOut.add(hpa)) {
                throw BrokenRule.of(rule, "allocPage has returned 0x%x, which is out", hpa);
            }
            pages.add(hpa);
            return true;
        }

        boolean takeChunk() {
            long hpa = allocate("allocChunk", allocator::allocChunk);
            if (hpa == PageAllocator.NONE) {
                return false;
            }
            if (!isPossible(hpa, PageAllocator.CHUNK_BYTES)) {
                throw BrokenRule.of("PA-2", "allocChunk has returned 0x%x, which is no 2M chunk within 52 bits", hpa);
            }
            for (int i = 0; i < PAGES_PER_CHUNK; i++) {
                if (!pagesOut.add(hpa + i * PageAllocator.PAGE_BYTES)) {
                    throw BrokenRule.of(rule, "allocChunk has returned 0x%x, and page %d of the chunk is out", hpa, i);
                }
            }
            chunks.add(hpa);
            return true;
        }

        void givePage(int index) {
            long hpa = pages.get(index);
            pages.set(index, pages.get(pages.size() - 1));
            pages.remove(pages.size() - 1);
            pagesOut.remove(hpa);
            give("freePage", allocator::freePage, hpa);
        }

        void giveChunk(int index) {
            long hpa = chunks.remove(index);
            for (int i = 0; i < PAGES_PER_CHUNK; i++) {
                pagesOut.remove(hpa + i * PageAllocator.PAGE_BYTES);
            }
            give("freeChunk", allocator::freeChunk, hpa);
        }

        int takeAllChunks() {
            int taken = 0;
            while (takeChunk()) {
                taken++;
                mindTheMost();
            }
            return taken;
        }

        int takeAllPages() {
            int taken = 0;
            while (takePage()) {
                taken++;
                mindTheMost();
            }
            return taken;
        }

        /** Takes all that there is, and returns how many pages. */
        int takeAll() {
            return takeAllChunks() * PAGES_PER_CHUNK + takeAllPages();
        }

        void giveAll(Random random) {
            while (!pages.isEmpty()) {
                givePage(random.nextInt(pages.size()));
            }
            while (!chunks.isEmpty()) {
                giveChunk(random.nextInt(chunks.size()));
            }
        }

        private void mindTheMost() {
            if (pagesOut.size() > MAX_PAGES) {
                abort("the allocator has more than " + MAX_PAGES + " pages; give the test a smaller one");
            }
        }
    }

    private static boolean isPossible(long hpa, long bytes) {
        return hpa >= 0 && hpa < FIRST_IMPOSSIBLE_HPA && hpa % bytes == 0;
    }

    private static long allocate(String call, LongSupplier allocation) {
        try {
            return allocation.getAsLong();
        } catch (RuntimeException | AssertionError thrown) {
            throw BrokenRule.of(
                    thrown, "PA-5", "%s has thrown %s; what says that there is no memory is NONE", call, thrown);
        }
    }

    private static void give(String call, LongConsumer giving, long hpa) {
        try {
            giving.accept(hpa);
        } catch (RuntimeException | AssertionError thrown) {
            throw BrokenRule.of(thrown, "PA-4", "%s of 0x%x, which is out, has thrown %s", call, hpa, thrown);
        }
    }

    @Test
    void pa1APageIsOneOf4K() {
        assumeTrue(new Out().takeAllPages() > 0, "the allocator gives no single pages");
    }

    @Test
    void pa2AChunkIsOneOf2M() {
        assumeTrue(new Out().takeAllChunks() > 0, "the allocator gives no chunks");
    }

    @Test
    void pa3NoPageIsOutTwiceHoweverItIsTaken() {
        Out out = new Out();
        boolean more = true;
        while (more) {
            // Not more chunks than pages, so that there are regions of which pages are taken.
            boolean chunk = out.takeChunk();
            more = out.takePage() || chunk;
            out.mindTheMost();
        }
    }

    @Test
    void pa3NoPageIsOutTwiceInRandomCalls() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        try {
            callAtRandom(new Out(), random);
        } catch (AssertionError broken) {
            throw new AssertionError(broken.getMessage() + "; seed " + seed, broken);
        }
    }

    private static void callAtRandom(Out out, Random random) {
        for (int i = 0; i < RANDOM_CALLS; i++) {
            switch (random.nextInt(8)) {
                case 0 -> out.takeChunk();
                case 1, 2, 3 -> out.takePage();
                case 4 -> giveOneOf(out.chunks, random, out::giveChunk);
                default -> giveOneOf(out.pages, random, out::givePage);
            }
            out.mindTheMost();
        }
    }

    private interface Giving {
        void give(int index);
    }

    private static void giveOneOf(List<Long> out, Random random, Giving giving) {
        if (!out.isEmpty()) {
            giving.give(random.nextInt(out.size()));
        }
    }

    @Test
    void pa4WhatIsGivenBackCanBeHadAgain() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Out out = new Out();
        int first = out.takeAll();
        for (int i = 0; i < 3; i++) {
            out.giveAll(random);
            allAreThere("PA-4", first, out, "after all have come back, seed " + seed);
        }
    }

    private static void allAreThere(String rule, int expected, Out out, String when) {
        int found = out.takeAll();
        if (found != expected) {
            throw BrokenRule.of(rule, "the allocator had %d pages, and %s it has %d", expected, when, found);
        }
    }

    @Test
    void pa5WithoutMemoryTheAnswerIsNoneUntilSomeComesBack() {
        Out out = new Out();
        out.takeAll();
        for (int i = 0; i < 3; i++) {
            if (out.takePage() || out.takeChunk()) {
                throw BrokenRule.of("PA-5", "there was no memory, nothing has come back, and now there is some");
            }
        }
        if (!out.pages.isEmpty()) {
            out.givePage(0);
            if (!out.takePage()) {
                throw BrokenRule.of("PA-5", "a page has come back, and allocPage returns NONE");
            }
        }
        if (!out.chunks.isEmpty()) {
            out.giveChunk(0);
            if (!out.takeChunk()) {
                throw BrokenRule.of("PA-5", "a chunk has come back, and allocChunk returns NONE");
            }
        }
    }

    @Test
    void pa6AnyNumberOfThreadsCanCallAtOnce() throws Exception {
        assumeTrue(isThreadSafe(), "the allocator is for one thread");
        Out before = new Out();
        int pages = before.takeAll();
        boolean hasChunks = !before.chunks.isEmpty();
        long seed = new Random().nextLong();
        before.giveAll(new Random(seed));
        withOneThread(pages, hasChunks, new Random(seed));
        Set<Long> pagesOut = ConcurrentHashMap.newKeySet();
        AtomicInteger number = new AtomicInteger();
        try (Crew crew = Crew.ofPlatformThreads()) {
            for (int i = 0; i < THREADS; i++) {
                crew.add(() -> {
                    Random random = new Random(seed + number.getAndIncrement());
                    long end = System.nanoTime() + COMPETITION_NANOS;
                    while (System.nanoTime() < end && !crew.hasFailed()) {
                        takeAndGive(new Out("PA-6", pagesOut), random, MOST_PAGES_AT_A_TIME, hasChunks);
                        crew.advances();
                    }
                });
            }
            if (!ends(crew)) {
                throw BrokenRule.of("PA-6", "calls of %d threads have not ended for %s", THREADS, patience());
            }
        }
        if (!pagesOut.isEmpty()) {
            throw new AssertionError("the test has kept pages: " + pagesOut);
        }
        allAreThere("PA-6", pages, new Out(), "after " + THREADS + " threads have given all back, seed " + seed);
    }

    /** What one thread finds wrong is not the concern of PA-6; other tests report it. */
    private void withOneThread(int pages, boolean hasChunks, Random random) {
        try {
            Out out = new Out();
            callAtRandom(out, random);
            out.giveAll(random);
            for (int i = 0; i < ROUNDS_ALONE; i++) {
                takeAndGive(new Out(), random, THREADS * MOST_PAGES_AT_A_TIME, hasChunks);
            }
            allAreThere("PA-4", pages, new Out(), "after one thread has given all back");
        } catch (AssertionError broken) {
            abort("one thread finds that " + broken.getMessage());
        }
        allocator = newAllocator();
    }

    /** Whatever goes wrong among threads, and does not with one, is the concern of PA-6. */
    private boolean ends(Crew crew) throws Exception {
        try {
            return crew.ends(patience());
        } catch (AssertionError broken) {
            throw BrokenRule.of(broken, "PA-6", "with %d threads, %s", THREADS, broken.getMessage());
        }
    }

    private static void takeAndGive(Out mine, Random random, int most, boolean hasChunks) {
        takePages(mine, random.nextInt(most));
        if (hasChunks && random.nextBoolean()) {
            mine.takeChunk();
        }
        takePages(mine, 1 + random.nextInt(most));
        mine.giveAll(random);
    }

    private static void takePages(Out mine, int most) {
        int taken = 0;
        while (taken < most && mine.takePage()) {
            taken++;
        }
    }

    @Test
    void pa7AChunkThatIsNotToBeHadCostsNoPage() {
        Out out = new Out();
        out.takeAllPages();
        out.takeAllChunks();
        assumeTrue(out.pages.size() > 1, "the allocator gives no single pages");
        out.pages.sort(null);
        int free = giveEverySecondPage(out);
        int found = out.takeAllPages();
        if (found != free) {
            throw BrokenRule.of("PA-4", "%d pages have come back, and %d of them can be had", free, found);
        }
        out.pages.sort(null);
        giveEverySecondPage(out);
        if (out.takeChunk()) {
            throw BrokenRule.of("PA-3", "allocChunk has returned a chunk, though of no region all pages were free");
        }
        found = out.takeAllPages();
        if (found != free) {
            throw BrokenRule.of("PA-7", "%d pages were free, allocChunk returned NONE, and then %d were", free, found);
        }
    }

    /** So that no region is whole. From the end, because a page that goes changes the order behind it. */
    private static int giveEverySecondPage(Out out) {
        int given = 0;
        for (int i = out.pages.size() - 1; i >= 0; i -= 2) {
            out.givePage(i);
            given++;
        }
        return given;
    }

    @Test
    void pa7ARefusalHasChangedNothing() {
        Out out = new Out();
        int pages = out.takeAll();
        out.giveAll(new Random(pages));
        assumeTrue(out.takePage(), "the allocator gives no single pages");
        long page = out.pages.get(0);
        out.givePage(0);
        try {
            allocator.freePage(page);
        } catch (RuntimeException | AssertionError refused) {
            allAreThere("PA-7", pages, out, "after it has refused " + refused.getMessage());
            return;
        }
        abort("the allocator does not refuse a page that was given back before, which no rule asks for");
    }
}
