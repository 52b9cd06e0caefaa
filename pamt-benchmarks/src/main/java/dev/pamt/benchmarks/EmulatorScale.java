package dev.pamt.benchmarks;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.Locale;

/**
 * What an emulated machine takes of the heap: idle, with a large guest mapped in 4K pages, with a larger one mapped in 2M.
 * Measured as the difference of the used heap after garbage collections.
 *
 * <p>The program is a host without the library's manager, which is measured by {@link Footprint}: it gives each region of
 * the guest a page pair from a heap of its own and maps page after page. The argument is the size of the guest in 4K
 * pages, in GB; 704 of them need 5 GB of heap.
 */
public final class EmulatorScale {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;
    private static final long REGION = PageLevel.SIZE_2M.bytes();
    private static final long PAGE = PageLevel.SIZE_4K.bytes();

    /** Where guest memory begins on the host; its control pages, Secure EPT pages and page pairs are below. */
    private static final long GUEST_HPA = 16 * GIB;

    private static final long PAIRS_HPA = 8 * GIB;
    private static final long TABLES_HPA = 4 * GIB;

    private final TdxHost host;
    private final Seamcalls seamcalls;
    private final SeamcallRegisters regs = new SeamcallRegisters();
    private long nextPairPage = PAIRS_HPA;
    private long nextTablePage = TABLES_HPA;

    private EmulatorScale(TdxHost host) {
        this.host = host;
        seamcalls = new Seamcalls(host.platform().processor(0));
    }

    public static void main(String[] args) throws InterruptedException {
        long gigabytes = args.length > 0 ? Long.parseLong(args[0]) : 704;
        idle();
        mapped4k(gigabytes * GIB);
        mapped2m(4 * TIB);
    }

    private static void idle() throws InterruptedException {
        long before = UsedHeap.afterGc();
        TdxHost host = bringUp(4 * TIB);
        report("idle host of 4 TB", UsedHeap.afterGc() - before);
        host.close();
    }

    private static void mapped4k(long bytes) throws InterruptedException {
        long before = UsedHeap.afterGc();
        TdxHost host = bringUp(GUEST_HPA + bytes);
        EmulatorScale scale = new EmulatorScale(host);
        long start = System.nanoTime();
        long tdrHpa = scale.buildTd();
        for (long gpa = 0; gpa < bytes; gpa += REGION) {
            scale.addTables(tdrHpa, gpa, 1);
            scale.addPair(GUEST_HPA + gpa);
            for (long page = gpa; page < gpa + REGION; page += PAGE) {
                check(scale.seamcalls.memPageAug(scale.regs, page, tdrHpa, GUEST_HPA + page));
            }
        }
        long nanos = System.nanoTime() - start;
        long used = UsedHeap.afterGc() - before;
        report("guest of " + bytes / GIB + " GB in 4K pages", used);
        System.out.printf(
                Locale.ROOT,
                "  %,d pages, %.2f bytes a page, %.0f ns a page%n",
                bytes / PAGE,
                (double) used * PAGE / bytes,
                (double) nanos * PAGE / bytes);
        host.close();
    }

    private static void mapped2m(long bytes) throws InterruptedException {
        long before = UsedHeap.afterGc();
        TdxHost host = bringUp(GUEST_HPA + bytes);
        EmulatorScale scale = new EmulatorScale(host);
        long tdrHpa = scale.buildTd();
        // The first region of the TD has a Secure EPT page for 4K pages already.
        for (long gpa = REGION; gpa <= bytes; gpa += REGION) {
            scale.addTables(tdrHpa, gpa, 2);
            long gpaAndLevel = PageLevel.SIZE_2M.encode(gpa);
            check(scale.seamcalls.memPageAug(scale.regs, gpaAndLevel, tdrHpa, GUEST_HPA + gpa));
        }
        report("guest of " + bytes / GIB + " GB in 2M pages", UsedHeap.afterGc() - before);
        host.close();
    }

    private static void report(String what, long bytes) {
        System.out.printf(Locale.ROOT, "%-32s %,10.1f MB of heap%n", what, bytes / 1e6);
    }

    private static TdxHost bringUp(long bytes) {
        // What lies below the guest has room for the PAMT, too.
        MemoryMap memory = MemoryMap.of(
                List.of(PhysicalRange.between(1L << 20, 2 * GIB), PhysicalRange.between(4 * GIB, bytes + 8 * GIB)));
        PlatformConfig config = PlatformConfig.builder().cmrs(memory.cmrs()).build();
        return TdxHost.bringUp(SeamcallProviderFactory.named("emulator").open(config), memory);
    }

    private long buildTd() {
        PamtManager manager = PamtManager.builder().host(host).build();
        return BenchmarkTd.build(host, manager, 0);
    }

    /** Adds the Secure EPT pages that a guest address is the first to need, down to a level. */
    private void addTables(long tdrHpa, long gpa, int lowest) {
        for (int level = 3; level >= lowest; level--) {
            boolean first = (gpa & ((1L << (12 + 9 * level)) - 1)) == 0;
            // The TD comes with those of its first pages.
            if (first && gpa != 0) {
                check(seamcalls.memSeptAdd(regs, gpa | level, tdrHpa, newTablePage()));
            }
        }
    }
    /** Secure EPT pages are in regions of their own, each of which needs a pair, too. */
    private long newTablePage() {
        long hpa = nextTablePage;
        nextTablePage += PAGE;
        if ((hpa & REGION - 1) == 0) {
            addPair(hpa);
        }
        return hpa;
    }

    private void addPair(long regionHpa) {
        check(seamcalls.pamtAdd(regs, regionHpa, nextPairPage, nextPairPage + PAGE));
        nextPairPage += 2 * PAGE;
    }

    private static void check(long status) {
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException(TdxStatus.toString(status));
        }
    }
}
