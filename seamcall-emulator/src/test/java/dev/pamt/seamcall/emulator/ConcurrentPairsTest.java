package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that give, take, create and look at random keep the PAMT consistent. */
@Timeout(60)
class ConcurrentPairsTest {
    private static final int REGIONS = 6;
    private static final int FIRST = 1;
    private static final int THREADS = 2;
    private static final long RUN_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final TestHost host = TestHost.ready();

    @Test
    void invariantsHoldWhenAllIsQuiet() throws Exception {
        long seed = System.nanoTime();
        System.out.println("ConcurrentPairsTest seed " + seed);
        SplittableRandom seeds = new SplittableRandom(seed);
        List<Thread> threads = new ArrayList<>();
        List<Throwable> failures = new ArrayList<>();
        long[] successes = new long[THREADS];
        long end = System.nanoTime() + RUN_NANOS;
        for (int i = 0; i < THREADS; i++) {
            int processor = i;
            SplittableRandom random = seeds.split();
            Thread thread = new Thread(() -> {
                while (System.nanoTime() < end) {
                    successes[processor] += step(host.calls(processor), random) == 0 ? 1 : 0;
                }
            });
            thread.setUncaughtExceptionHandler((t, e) -> {
                synchronized (failures) {
                    failures.add(e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
        assertTrue(successes[0] > 0 && successes[1] > 0, () -> successes[0] + " and " + successes[1]);
        checkInvariants();
    }

    private static long step(Seamcalls calls, SplittableRandom random) {
        SeamcallRegisters regs = new SeamcallRegisters();
        int region = FIRST + random.nextInt(REGIONS);
        return switch (random.nextInt(8)) {
            case 0, 1, 2 -> calls.pamtAdd(regs, region(region), anyPage(random), anyPage(random));
            case 3, 4, 5 -> calls.pamtRemove(regs, region(region));
            case 6 -> calls.pageRdmd(regs, anyPage(random));
            default -> calls.mngCreate(regs, anyPage(random), 32 + random.nextInt(32));
        };
    }

    private static long anyPage(SplittableRandom random) {
        return page(FIRST + random.nextInt(REGIONS), random.nextInt(4) * 128);
    }

    private void checkInvariants() {
        Set<Long> pairPages = new HashSet<>();
        for (int region = 0; region < REGIONS + 2; region++) {
            long word0 = host.entry2m(region, 0);
            assertEquals(0, word0 & 0xFFFD, "a lock is held");
            if ((word0 >>> 16 & 31) == 15) {
                assertTrue(pairPages.add(word0 >>> 28 << 12), "a page of two pairs");
                assertTrue(pairPages.add(host.entry2m(region, 1) >>> 28 << 12), "a page of two pairs");
                assertEquals(usedPages(region), host.entry2m(region, 1) & 0x3FF, "page count");
            }
        }
        for (int region = 1; region < REGIONS + 2; region++) {
            for (int i = 0; i < 512; i++) {
                assertEquals(pairPages.contains(page(region, i)), host.donated(page(region, i)), "bitmap");
            }
        }
        for (int region = FIRST; region < FIRST + REGIONS; region++) {
            host.remove(region);
        }
        TestHost.expect(TdxStatus.SUCCESS, host.rdmd(PageLevel.SIZE_1G.encode(TestHost.TDMR)));
    }

    private long usedPages(int region) {
        long used = 0;
        for (int i = 0; i < 512; i++) {
            host.rdmd(page(region, i));
            used += host.regs.rcx != 0 && host.regs.rcx != 15 ? 1 : 0;
        }
        return used;
    }
}
