package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.Map;

/**
 * TDH.PHYMEM.PAMT.ADD and TDH.PHYMEM.PAMT.REMOVE (TDX module 1.5.25, tdh_phymem_pamt_add.c,
 * tdh_phymem_pamt_remove.c).
 *
 * <p>Locks: the 2M entry of the region exclusive, the entries of donated pages in other regions shared. A handler that
 * leaves by {@link ModuleFatal} keeps its locks, hence no {@code finally}.
 */
public final class PairHandlers implements HandlerFamily {
    private static final long INVALID_RAX = TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
    private static final long LEVEL_AND_RESERVED = 0xFFF;

    private final SparseMemory memory;
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final HpaRules hpas;
    private final Timing timing;
    private final RacePoint.Listener racePoints;

    /** Makes the two leaves. */
    public PairHandlers(Machine machine, TdmrTable tdmrs, Pamt pamt) {
        this.tdmrs = tdmrs;
        this.pamt = pamt;
        memory = machine.memory();
        hpas = machine.hpas();
        timing = machine.timing();
        racePoints = machine.racePoints();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.PHYMEM_PAMT_ADD, this::add,
                SeamcallLeaf.PHYMEM_PAMT_REMOVE, this::remove);
    }

    /** PAMT.ADD. Format and range of both pages are checked before the range of the region. */
    long add(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!pamt.dynamic()) {
            return INVALID_RAX;
        }
        if (!namesRegion(regs.rcx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        DonatedPage page0 = new DonatedPage(regs.rdx, TdxOperand.RDX);
        DonatedPage page1 = new DonatedPage(regs.r8, TdxOperand.R8);
        long status = check(page0);
        if (status == 0) {
            status = check(page1);
        }
        long region = regs.rcx & ~LEVEL_AND_RESERVED;
        PamtWalk target = new PamtWalk();
        if (status == 0) {
            status = pamt.locate(target, region, TdxOperand.RCX, LockMode.EXCLUSIVE, PageLevel.SIZE_2M);
        }
        if (status == 0) {
            status = addTo(target, region, page0, page1);
        }
        target.release();
        return status;
    }

    private long check(DonatedPage page) {
        long status = page.checkFormat(hpas);
        return status != 0 ? status : page.checkRange(tdmrs);
    }

    private long addTo(PamtWalk target, long region, DonatedPage page0, DonatedPage page1) {
        if (target.level() != PageLevel.SIZE_2M || target.type() != PageType.NDA) {
            return TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
        }
        racePoints.reached(RacePoint.REGION_LOCKED);
        long status = lock(page0, region);
        if (status == 0) {
            status = lock(page1, region);
        }
        if (status == 0) {
            status = pamt.bitmap().claimPair(page0, page1);
        }
        if (status == 0) {
            timing.spend(SeamcallLeaf.PHYMEM_PAMT_ADD);
            memory.zeroPage(page0.hpa());
            memory.zeroPage(page1.hpa());
            target.setPair(page0.hpa(), page1.hpa());
        }
        page1.release();
        page0.release();
        return status;
    }

    /** A page of the region itself is covered by the region's own lock; only the bitmap decides about it. */
    private long lock(DonatedPage page, long region) {
        return page.isIn(region) ? 0 : page.lock(pamt.entries());
    }

    /** PAMT.REMOVE. Only the types of the 512 entries are looked at, not their locks. */
    long remove(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!pamt.dynamic()) {
            return INVALID_RAX;
        }
        if (!namesRegion(regs.rcx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        long region = regs.rcx & ~LEVEL_AND_RESERVED;
        PamtWalk target = new PamtWalk();
        long status = pamt.locate(target, region, TdxOperand.RCX, LockMode.EXCLUSIVE, PageLevel.SIZE_2M);
        if (status == 0) {
            status = removeFrom(target, regs);
        }
        target.release();
        return status;
    }

    private long removeFrom(PamtWalk target, SeamcallRegisters regs) {
        if (target.level() != PageLevel.SIZE_2M || target.type() != PageType.PAMT) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        long page0 = target.pairPage0();
        long page1 = target.pairPage1();
        if (pamt.entries().anyInUse(page0)) {
            return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        }
        if (pamt.entries().anyInUse(page1)) {
            return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1);
        }
        ModuleFatal.unless(target.pageCount() == 0, 343);
        Tdmr tdmr0 = tdmrs.usable(page0);
        Tdmr tdmr1 = tdmrs.usable(page1);
        ModuleFatal.unless(tdmr0 != null && tdmr1 != null, 338);
        timing.spend(SeamcallLeaf.PHYMEM_PAMT_REMOVE);
        pamt.bitmap().returnPair(tdmr0, page0, tdmr1, page1);
        target.free();
        regs.rdx = page0;
        regs.r8 = page1;
        return 0;
    }

    private boolean namesRegion(long word) {
        return (word & LEVEL_AND_RESERVED) == PageLevel.SIZE_2M.code()
                && hpas.isAligned(word & ~LEVEL_AND_RESERVED, PageLevel.SIZE_2M.bytes());
    }
}
