package dev.pamt.tck;

import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.pamt.api.PageAllocator;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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

    @Test
    void pa1APageIsOneOf4K() {
        assumeTrue(new PagesOut(allocator).takeAllPages() > 0, "the allocator gives no single pages");
    }

    @Test
    void pa2AChunkIsOneOf2M() {
        assumeTrue(new PagesOut(allocator).takeAllChunks() > 0, "the allocator gives no chunks");
    }

    @Test
    void pa3NoPageIsOutTwiceHoweverItIsTaken() {
        PagesOut out = new PagesOut(allocator);
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
            callAtRandom(new PagesOut(allocator), random);
        } catch (AssertionError broken) {
            throw new AssertionError(broken.getMessage() + "; seed " + seed, broken);
        }
    }

    private static void callAtRandom(PagesOut out, Random random) {
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
        PagesOut out = new PagesOut(allocator);
        int first = out.takeAll();
        for (int i = 0; i < 3; i++) {
            out.giveAll(random);
            allAreThere("PA-4", first, out, "after all have come back, seed " + seed);
        }
    }

    private static void allAreThere(String rule, int expected, PagesOut out, String when) {
        int found = out.takeAll();
        if (found != expected) {
            throw BrokenRule.of(rule, "the allocator had %d pages, and %s it has %d", expected, when, found);
        }
    }

    @Test
    void pa5WithoutMemoryTheAnswerIsNoneUntilSomeComesBack() {
        PagesOut out = new PagesOut(allocator);
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
        PagesOut before = new PagesOut(allocator);
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
                        takeAndGive(new PagesOut(allocator, "PA-6", pagesOut), random, MOST_PAGES_AT_A_TIME, hasChunks);
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
        allAreThere(
                "PA-6",
                pages,
                new PagesOut(allocator),
                "after " + THREADS + " threads have given all back, seed " + seed);
    }

    /** What one thread finds wrong is not the concern of PA-6; other tests report it. */
    private void withOneThread(int pages, boolean hasChunks, Random random) {
        try {
            PagesOut out = new PagesOut(allocator);
            callAtRandom(out, random);
            out.giveAll(random);
            for (int i = 0; i < ROUNDS_ALONE; i++) {
                takeAndGive(new PagesOut(allocator), random, THREADS * MOST_PAGES_AT_A_TIME, hasChunks);
            }
            allAreThere("PA-4", pages, new PagesOut(allocator), "after one thread has given all back");
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

    private static void takeAndGive(PagesOut mine, Random random, int most, boolean hasChunks) {
        takePages(mine, random.nextInt(most));
        if (hasChunks && random.nextBoolean()) {
            mine.takeChunk();
        }
        takePages(mine, 1 + random.nextInt(most));
        mine.giveAll(random);
    }

    private static void takePages(PagesOut mine, int most) {
        int taken = 0;
        while (taken < most && mine.takePage()) {
            taken++;
        }
    }

    @Test
    void pa7AChunkThatIsNotToBeHadCostsNoPage() {
        PagesOut out = new PagesOut(allocator);
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
    private static int giveEverySecondPage(PagesOut out) {
        int given = 0;
        for (int i = out.pages.size() - 1; i >= 0; i -= 2) {
            out.givePage(i);
            given++;
        }
        return given;
    }

    @Test
    void pa7ARefusalHasChangedNothing() {
        PagesOut out = new PagesOut(allocator);
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
