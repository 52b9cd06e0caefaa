package dev.pamt.races;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * One emulated host and one manager for all the races of a JVM, with a region for each state.
 *
 * <p>A state of a race must be cheap, a host is not. So every state gets a region of its own, in turn, out of so many that
 * it comes to be used again only long after: jcstress keeps far fewer states alive at a time, and an arbiter leaves its
 * region as it was.
 *
 * <p>The strategy is what {@code -Dpamt.strategy} says: {@code global}, {@code hashed} (64 locks), {@code per2M} (the
 * default), or the name of a class that implements {@link LockStrategy} and has a public constructor without arguments.
 *
 * <p>With {@code -Dpamt.chunks=false} the host has no 2M chunks, so pairs are cut from single pages; with {@code
 * -Dpamt.keepIdle=n} the manager keeps n regions idle.
 */
final class RaceHost {
    /** Regions on the host with chunks. */
    private static final int REGIONS = 1 << 19;

    /**
     * Regions on the host with donors: fewer, because the emulated memory keeps 2 KiB for each region that has ever donated,
     * and a JVM of jcstress has 256 MiB. Still more than two for each of the 10,240 states of jcstress's default strides.
     */
    private static final int DONORS = 1 << 15;

    private static final long TEBIBYTE = 1L << 40;
    /** Much longer than any call takes that is under way. */
    private static final long SETTLE_NANOS = 1_000_000_000;

    /** Far from the end of memory at which the allocator begins, and from the PAMT at the other. */
    private static final long FIRST_REGION_HPA = TEBIBYTE / 2;

    private static final MemoryMap MAP = MemoryMap.of(List.of(PhysicalRange.between(1L << 32, 2 * TEBIBYTE)));

    /** The pages of a host, without its chunks. */
    private record SinglePages(PageAllocator pages) implements PageAllocator {
        @Override
        public long allocPage() {
            return pages.allocPage();
        }

        @Override
        public void freePage(long hpa) {
            pages.freePage(hpa);
        }
    }

    /** Pairs cut from chunks, as on most hosts, unless the properties say otherwise. */
    private static final class WithChunks {
        private static final RaceHost HOST =
                new RaceHost(host -> givesChunks() ? host.allocator() : new SinglePages(host.allocator()), REGIONS);
    }

    /** Pairs of single pages that lie where the race wants them. */
    private static final class WithDonors {
        private static final DonorPages PAGES =
                new DonorPages(FIRST_REGION_HPA, REGIONS + DemotableTd.RESERVED_REGIONS);
        private static final RaceHost HOST = new RaceHost(host -> PAGES, DONORS);
    }

    /** Built when the first race asks for it. */
    private static final class WithDemotableTd {
        private static final DemotableTd TD = new DemotableTd(withDonors());
    }

    final PamtManager manager;
    final RecordingPlatform module;
    private final int regions;
    private final AtomicInteger next = new AtomicInteger();

    private RaceHost(Function<TdxHost, PageAllocator> allocator, int regions) {
        this.regions = regions;
        SeamcallPlatform emulator = SeamcallProviderFactory.named("emulator")
                .open(PlatformConfig.builder().cmrs(MAP.cmrs()).build());
        module = new RecordingPlatform(emulator, FIRST_REGION_HPA, REGIONS + DemotableTd.RESERVED_REGIONS);
        TdxHost host = TdxHost.bringUp(module, MAP);
        manager = PamtManager.builder()
                .host(host)
                .allocator(allocator.apply(host))
                .lockStrategy(strategy())
                .reclaimPolicy(policy())
                .build();
    }

    static RaceHost withChunks() {
        return WithChunks.HOST;
    }

    static RaceHost withDonors() {
        return WithDonors.HOST;
    }

    /** Where the pages that the calling thread is given for pairs shall lie, on the host with donors. */
    static void donateFrom(Region region) {
        donateFrom(region.hpa);
    }

    static void donateFrom(long regionHpa) {
        WithDonors.PAGES.donateFrom(regionHpa);
    }

    /** The pages of a region that the host with donors has given and does not have back. */
    static int pagesOut(Region region) {
        // With keepIdle the thread of another state may just have taken this region's pair back, and have it in its
        // hands.
        long end = System.nanoTime() + SETTLE_NANOS;
        int out = WithDonors.PAGES.pagesOut(region.hpa);
        while (out > 0 && System.nanoTime() - end < 0) {
            Thread.onSpinWait();
            out = WithDonors.PAGES.pagesOut(region.hpa);
        }
        return out;
    }

    /** A region that no state is given by {@link #nextRegion}. */
    Region reservedRegion(int index) {
        return new Region(this, reservedHpa(index));
    }

    static long reservedHpa(int index) {
        return FIRST_REGION_HPA + (REGIONS + index) * PageAllocator.CHUNK_BYTES;
    }

    /** The TD whose 2M pages can be split, on the host with donors. */
    static DemotableTd demotableTd() {
        return WithDemotableTd.TD;
    }

    /** The next region, which is empty. */
    Region nextRegion() {
        int index = next.getAndIncrement() & (regions - 1);
        return new Region(this, FIRST_REGION_HPA + index * PageAllocator.CHUNK_BYTES);
    }

    /** Whether hosts have 2M chunks in this run. */
    static boolean givesChunks() {
        return Boolean.parseBoolean(System.getProperty("pamt.chunks", "true"));
    }

    /** Which regions stay idle in this run. */
    static ReclaimPolicy policy() {
        int idle = Integer.getInteger("pamt.keepIdle", 0);
        return idle == 0 ? ReclaimPolicy.eager() : ReclaimPolicy.keepIdle(idle);
    }

    /** How transitions exclude each other in this run. */
    static LockStrategy strategy() {
        String name = System.getProperty("pamt.strategy", "per2M");
        return switch (name) {
            case "global" -> LockStrategy.global();
            case "hashed" -> LockStrategy.hashed(64);
            case "per2M" -> LockStrategy.per2M();
            default -> userStrategy(name);
        };
    }

    private static LockStrategy userStrategy(String className) {
        try {
            return Class.forName(className)
                    .asSubclass(LockStrategy.class)
                    .getConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException | ClassCastException e) {
            throw new IllegalArgumentException(
                    "pamt.strategy is global, hashed, per2M or the name of a class that implements LockStrategy and has a"
                            + " public constructor without arguments; it is " + className,
                    e);
        }
    }
}
