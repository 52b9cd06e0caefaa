package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One TD for all the races of a JVM, in which each state has a 2M page that can be split.
 *
 * <p>The TD's own pages and the Secure EPT pages that splits need lie in regions of their own, which are used up to the
 * last page. Everything but the split itself is done by one thread at a time: what a TD's own locks answer is not what is
 * raced for here.
 */
final class DemotableTd {
    /** Guest pages of 2 MiB, more than jcstress keeps states alive. */
    private static final int SLOTS = 1 << 14;

    private static final int SLOTS_PER_PAGE = 512;
    private static final int GIBIBYTES = SLOTS / SLOTS_PER_PAGE;
    private static final int REGIONS_PER_SLOT = 3;

    /** Reserved regions: where the pairs of the others come from, the TD's own pages, the Secure EPT pages for splits. */
    private static final int DONOR = 0;

    private static final int HOME = 1;
    private static final int SEPT_HOMES = 2;
    private static final int FIRST_OF_SLOTS = SEPT_HOMES + GIBIBYTES;

    static final int RESERVED_REGIONS = FIRST_OF_SLOTS + SLOTS * REGIONS_PER_SLOT;

    private static final long PAGE_2M = 1L << 21;
    private static final long PAGE_1G = 1L << 30;
    private static final int TDCS_PAGES = 6;
    private static final int TDVPS_PAGES = 6;

    private final Seamcalls seamcalls;
    private final PhysicalMemory memory;
    private final RaceHost host;
    private final Deque<Integer> freeSlots = new ArrayDeque<>();
    private final long tdrHpa;

    DemotableTd(RaceHost host) {
        this.host = host;
        for (int slot = 0; slot < SLOTS; slot++) {
            freeSlots.addLast(slot);
        }
        seamcalls = new Seamcalls(host.module.processor(0));
        memory = host.module.memory();
        RaceHost.donateFrom(RaceHost.reservedHpa(DONOR));
        for (int region = HOME; region < SEPT_HOMES + GIBIBYTES; region++) {
            host.manager.get(RaceHost.reservedHpa(region), SLOTS_PER_PAGE);
        }
        tdrHpa = pageOf(HOME, 0);
        build();
    }

    private void build() {
        SeamcallRegisters regs = new SeamcallRegisters();
        long paramsHpa = pageOf(DONOR, 0);
        int page = 1;
        check(seamcalls.mngCreate(regs, tdrHpa, host.module.firstPrivateHkid() + 1L));
        check(seamcalls.mngKeyConfig(regs, tdrHpa));
        for (int i = 0; i < TDCS_PAGES; i++) {
            check(seamcalls.mngAddcx(regs, pageOf(HOME, page++), tdrHpa));
        }
        // Write-back, 4 levels of Secure EPT, one vCPU, x87 and SSE, 1 GHz.
        memory.clearPage(paramsHpa);
        memory.write64(paramsHpa + 8, 3);
        memory.write64(paramsHpa + 16, 1);
        memory.write64(paramsHpa + 24, 6 | 3 << 3);
        memory.write64(paramsHpa + 40, 40);
        check(seamcalls.mngInit(regs, tdrHpa, paramsHpa));
        long tdvprHpa = pageOf(HOME, page++);
        check(seamcalls.vpCreate(regs, tdvprHpa, tdrHpa));
        for (int i = 1; i < TDVPS_PAGES; i++) {
            check(seamcalls.vpAddcx(regs, pageOf(HOME, page++), tdvprHpa));
        }
        check(seamcalls.vpInit(regs, tdvprHpa, 0));
        check(seamcalls.memSeptAdd(regs, 3, tdrHpa, pageOf(HOME, page++)));
        for (int gibibyte = 0; gibibyte < GIBIBYTES; gibibyte++) {
            long gpa = gibibyte * PAGE_1G;
            check(seamcalls.memSeptAdd(regs, PageLevel.SIZE_1G.encode(gpa), tdrHpa, pageOf(HOME, page++)));
        }
        check(seamcalls.mrFinalize(regs, tdrHpa));
    }

    /** A place in the guest for one state, until it is {@linkplain #releaseSlot released}; the one that was used last comes first. */
    synchronized int claimSlot() {
        return freeSlots.removeFirst();
    }

    /** A region that belongs to a slot; a slot has three. States that come after each other use few, for the sake of the heap. */
    Region region(int slot, int index) {
        return host.reservedRegion(FIRST_OF_SLOTS + slot * REGIONS_PER_SLOT + index);
    }

    /** Maps a region as one 2M page that is blocked, so that it can be split. */
    synchronized void mapBlocked(int slot, Region region) {
        check(seamcalls.memPageAug(new SeamcallRegisters(), gpa(slot), tdrHpa, region.hpa));
        block(slot);
    }

    /** DEMOTE with a pair: the call of the race. */
    long demote(int slot, long page0Hpa, long page1Hpa) {
        long septHpa = pageOf(SEPT_HOMES + slot / SLOTS_PER_PAGE, slot % SLOTS_PER_PAGE);
        return seamcalls.memPageDemote(new SeamcallRegisters(), gpa(slot), tdrHpa, septHpa, page0Hpa, page1Hpa);
    }

    /** Merges the 2M page again, and leaves the pair in R12 and R13. */
    synchronized long promote(int slot, SeamcallRegisters regs) {
        block(slot);
        return seamcalls.memPagePromote(regs, gpa(slot), tdrHpa);
    }

    /** Takes the 2M page out of the guest. */
    synchronized void remove(int slot) {
        block(slot);
        check(seamcalls.memPageRemove(new SeamcallRegisters(), gpa(slot), tdrHpa));
    }

    synchronized void releaseSlot(int slot) {
        freeSlots.addFirst(slot);
    }

    private void block(int slot) {
        SeamcallRegisters regs = new SeamcallRegisters();
        check(seamcalls.memRangeBlock(regs, gpa(slot), tdrHpa));
        check(seamcalls.memTrack(regs, tdrHpa));
    }

    private static long pageOf(int reservedRegion, int index) {
        return RaceHost.reservedHpa(reservedRegion) + index * PageAllocator.PAGE_BYTES;
    }

    private static long gpa(int slot) {
        return PageLevel.SIZE_2M.encode(slot * PAGE_2M);
    }

    private static void check(long status) {
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException(TdxStatus.toString(status));
        }
    }
}
