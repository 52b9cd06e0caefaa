package dev.pamt.lab.host;

import static dev.pamt.lab.host.Fixture.BLOCK;
import static dev.pamt.lab.host.Fixture.PAGE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.lab.host.GuestMemory.Backing;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The cases of intel/lkvs for Dynamic PAMT (BM/tdx-host, 2025): the counter of page pairs is zero without TDs, above zero while one is up, and zero
 * again after the last. They read it from a line of /proc/meminfo that Linux does not have any more, and start guests of 1 to 96 GB that
 * accept lazily; here a guest takes 64 MB of its memory, the half of it page by page.
 */
class LkvsCasesTest {
    private static final int BLOCKS_PER_GIGABYTE = 512;
    private static final int TOUCHED_BLOCKS = 32;

    private static long pairs(Fixture fixture) {
        return fixture.manager.stats().pairs().installed();
    }

    private static Td start(Fixture fixture, int gigabytes) {
        Td td = fixture.lab.newTd(
                2, fixture.lab.newMemory((long) gigabytes * BLOCKS_PER_GIGABYTE * BLOCK, Backing.CHUNKS_2M));
        td.build(16);
        Guest guest = td.vcpus().get(1).guest();
        guest.accept(BLOCK, (TOUCHED_BLOCKS / 2 - 1) * 512, true);
        for (int block = TOUCHED_BLOCKS / 2; block < TOUCHED_BLOCKS; block++) {
            guest.accept(block * BLOCK + PAGE, 511, true);
        }
        return td;
    }

    /** A VM that is no TD takes memory of the host and asks the module nothing. */
    private static GuestMemory startPlainVm(Fixture fixture) {
        GuestMemory memory = fixture.lab.newMemory(TOUCHED_BLOCKS * BLOCK, Backing.PAGES_4K);
        for (int page = 0; page < TOUCHED_BLOCKS * 512; page++) {
            memory.populate(page * PAGE);
        }
        return memory;
    }

    @Test
    void case0And1WithDynamicPamtOnTheCounterIsZero() {
        try (Fixture fixture = new Fixture()) {
            assertTrue(fixture.host.dynamicPamt());
            assertEquals(0, pairs(fixture));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 96})
    void case2To4OneTdHasPairsWhileItIsUp(int gigabytes) {
        try (Fixture fixture = Fixture.ofGigabytes(gigabytes + 1)) {
            Td td = start(fixture, gigabytes);
            assertTrue(pairs(fixture) > TOUCHED_BLOCKS / 2, "a pair for each block that is mapped page by page");
            fixture.end(td);
            assertEquals(0, pairs(fixture));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4, 96})
    void case5To7TheSecondTdStillHasPairsWhenTheFirstHasGone(int gigabytes) {
        try (Fixture fixture = Fixture.ofGigabytes(2 * gigabytes + 1)) {
            Td first = start(fixture, gigabytes);
            Td second = start(fixture, gigabytes);
            long both = pairs(fixture);
            fixture.end(first);
            assertTrue(pairs(fixture) > 0 && pairs(fixture) < both, () -> pairs(fixture) + " of " + both);
            fixture.end(second);
            assertEquals(0, pairs(fixture));
        }
    }

    @Test
    void case8And9APlainVmHasNoPairs() {
        try (Fixture fixture = new Fixture()) {
            try (GuestMemory plain = startPlainVm(fixture)) {
                assertEquals(0, pairs(fixture), plain.blocks() + " blocks that no TD has");
                Td td = start(fixture, 1);
                assertTrue(pairs(fixture) > 0);
                fixture.end(td);
                assertEquals(0, pairs(fixture), "the plain VM still runs");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 5})
    void case10And11TdsStartAndEndTenTimesOver(int tds) {
        startAndEnd(tds, 10);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 5})
    void case12And13TdsStartAndEndAHundredTimesOver(int tds) {
        startAndEnd(tds, 100);
    }

    private static void startAndEnd(int tds, int times) {
        int[] sizes = {1, 4, 8, 32, 96};
        try (Fixture fixture = Fixture.ofGigabytes(4)) {
            SplittableRandom random = new SplittableRandom(tds);
            for (int time = 0; time < times; time++) {
                List<Td> running = new ArrayList<>();
                for (int i = 0; i < tds; i++) {
                    running.add(start(fixture, sizes[i]));
                }
                assertTrue(pairs(fixture) > 0);
                while (!running.isEmpty()) {
                    fixture.end(running.remove(random.nextInt(running.size())));
                }
                assertEquals(0, pairs(fixture), "after round " + time);
            }
        }
    }
}
